// Writing so that a file is either whole or as it was before: a temporary file in the same folder, its bytes
// forced to disk, then a rename. A killed process leaves at most a hidden `.NAME.….partial` behind.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes files that appear under their names only when they are complete.
public enum AtomicFile {
  /// Where the bytes of one file go, in order.
  public struct Output: ~Copyable {
    fileprivate let descriptor: Int32
    fileprivate let path: String
    /// How many bytes were written.
    public private(set) var count = 0

    fileprivate init(descriptor: Int32, path: String) {
      self.descriptor = descriptor
      self.path = path
    }

    /// Writes `bytes` behind what was written before; straight to the system, so give large pieces.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
      var rest = bytes
      while let base = rest.baseAddress, !rest.isEmpty {
        let written = systemWrite(descriptor, base, rest.count)
        if written < 0 {
          if errno == EINTR { continue }
          throw CheckpointError.cannotWrite(
            file: path, fact: "writing failed after \(count) bytes: \(systemReason())")
        }
        count += written
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }

    /// Writes `bytes` behind those before them.
    ///
    /// - Throws: `CheckpointError.cannotWrite`.
    public mutating func append(_ bytes: [UInt8]) throws {
      try bytes.withUnsafeBytes { try append($0) }
    }
  }

  /// Writes a file whose bytes `contents` gives to its output. A symbolic link at `path` is replaced by it.
  ///
  /// - Throws: what `contents` throws, and `CheckpointError.cannotWrite`; then no file appears, and one
  ///   that was there stays as it is.
  public static func write(
    to path: String, contents: (inout Output) throws -> Void
  ) throws {
    let (temporary, descriptor) = try createTemporary(for: path)
    var isOpen = true
    do {
      var output = Output(descriptor: descriptor, path: path)
      try contents(&output)
      guard fsync(descriptor) == 0 else { throw failure(path, "it cannot be forced to disk") }
      isOpen = false
      guard close(descriptor) == 0 else { throw failure(path, "it cannot be closed") }
      guard rename(temporary, path) == 0 else {
        throw failure(path, "the finished file cannot be given its name")
      }
    } catch {
      if isOpen { _ = close(descriptor) }
      unlink(temporary)
      throw error
    }
    // The name itself, too, should survive a power failure; where folders cannot be synced, it is as it is.
    let folder = open(folder(of: path), O_RDONLY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      _ = close(folder)
    }
  }

  /// Writes `bytes`.
  ///
  /// - Throws: `CheckpointError.cannotWrite`; a file that was there stays as it is.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    try write(to: path) { try $0.append(bytes) }
  }

  /// Writes `text` as UTF-8.
  public static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }

  private static func createTemporary(for path: String) throws -> (path: String, descriptor: Int32)
  {
    guard !path.isEmpty, path.utf8.last != UInt8(ascii: "/"), !path.utf8.contains(0) else {
      throw CheckpointError.cannotWrite(
        file: Excerpt.quoted(path), fact: "this is not the name of a file")
    }
    let folder = folder(of: path)
    // Names have at most 255 bytes; the beginning is enough to tell whose it is.
    let name = path.split(separator: "/").last.map { String($0.prefix(40)) } ?? path
    while true {
      let tag = String(UInt64.random(in: 0...UInt64.max), radix: 36)
      let temporary = "\(folder)/.\(name).\(getpid())-\(tag).partial"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (temporary, descriptor) }
      guard errno == EEXIST || errno == EINTR else {
        throw failure(path, "no file can be made in the folder '\(folder)'")
      }
    }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
  }

  private static func failure(_ path: String, _ fact: String) -> CheckpointError {
    .cannotWrite(file: path, fact: "\(fact): \(systemReason())")
  }
}

/// Out here, where the name means the system's.
private func systemWrite(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, base, count)
}
