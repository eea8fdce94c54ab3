// A file as read-only memory: pages come from disk when they are touched and can be given back.
// A file that another process truncates while it is mapped raises SIGBUS when a lost page is touched. That
// cannot be prevented from here (a copy would hold the weights twice); every mapping is noted for
// `ck_watch_mappings`, by which a command ends in a sentence. Pages may also change without a signal: a run
// asks `verifyUnchanged()` before it believes what it computed. Writers that replace a file by renaming, as
// AtomicFile does, never disturb the pages of a reader.

import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The bytes of a file, mapped read-only for as long as this object lives.
public final class MappedFile: @unchecked Sendable {
  /// The file.
  public let path: String
  /// The size in bytes.
  public let count: Int
  private let opened: OpenedFile
  private let base: UnsafeRawPointer?
  private let guarded: Int32

  /// - Throws: `CheckpointError.missing` or `.unreadable`: also for a folder, and for what is no regular
  ///   file and so has no pages.
  public init(_ path: String) throws {
    let opened = try OpenedFile(path)
    guard opened.isRegular else {
      opened.close()
      throw CheckpointError.unreadable(
        file: path, fact: "this is no regular file and cannot be mapped into memory")
    }
    self.path = path
    self.opened = opened
    count = opened.size
    guard count > 0 else {
      base = nil
      guarded = -1
      return
    }
    let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, opened.descriptor, 0)
    guard let address, address != MAP_FAILED else {
      let reason = systemReason()
      opened.close()
      throw CheckpointError.unreadable(
        file: path, fact: "its \(count) bytes cannot be mapped into memory: \(reason)")
    }
    base = UnsafeRawPointer(address)
    guarded = ck_guard_mapping(address, count, path)
  }

  deinit {
    ck_release_guard(guarded)
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    opened.close()
  }

  /// Calls `body` with the bytes in `range`, valid during the call only.
  public func withUnsafeBytes<Result>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "\(path): bytes \(range) of \(count)")
    return try withExtendedLifetime(self) {
      try body(
        UnsafeRawBufferPointer(start: base.map { $0 + range.lowerBound }, count: range.count))
    }
  }

  /// Calls `body` with all bytes, valid during the call only.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withUnsafeBytes(in: 0..<count, body)
  }

  /// Gives the memory of the pages that `range` touches back to the system; reading them again is
  /// allowed at any time and brings them back.
  public func release(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "\(path): bytes \(range) of \(count)")
    guard let base, !range.isEmpty else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = range.lowerBound / page * page
    // Nothing depends on success: it is advice.
    madvise(
      UnsafeMutableRawPointer(mutating: base + start), range.upperBound - start, MADV_DONTNEED)
  }

  /// Throws when the mapped file no longer has the size and the time of change it was opened with, or its
  /// name has become that of another file.
  public func verifyUnchanged() throws {
    let now = try opened.currentIdentity(path)
    guard now.size == opened.identity.size else {
      throw CheckpointError.changed(
        file: path,
        fact:
          "the file had \(opened.identity.size) bytes when it was opened and has \(now.size) now")
    }
    guard now == opened.identity else {
      throw CheckpointError.changed(file: path, fact: "the file was written to since it was opened")
    }
    guard FileIdentity(of: path) == now else {
      throw CheckpointError.changed(
        file: path, fact: "the file was removed or replaced since it was opened")
    }
  }
}
