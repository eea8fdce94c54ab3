// What a run asks of the file system beyond reading and writing whole files: listing, making and removing
// folders, reading in pieces, and who holds a lock. Straight calls of the system's, for their reasons.

import CheckpointIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Calls of the file system.
enum SystemFile {
  /// The system's words for the error that just happened.
  static func reason() -> String { String(cString: strerror(errno)) }

  /// The names in a folder, sorted by their bytes.
  static func names(in folder: String) throws -> [String] {
    guard let stream = opendir(folder) else {
      throw CheckpointError.unreadable(
        file: folder, fact: "the folder cannot be listed: \(reason())")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
          String(cString: $0)
        }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Makes a folder and those above it; one that is there is fine.
  static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o777) == 0 { return }
    switch errno {
    case EEXIST where FileReading.kind(of: path) == .folder: return
    case ENOENT:
      guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.utf8.startIndex
      else { break }
      try makeFolder(String(path[..<slash]))
      if mkdir(path, 0o777) == 0 || errno == EEXIST && FileReading.kind(of: path) == .folder {
        return
      }
    default: break
    }
    throw RunError.cannotWrite(file: path, fact: "the folder cannot be made: \(reason())")
  }

  /// Removes a file; one that is not there is fine.
  static func remove(_ path: String) throws {
    if unlink(path) != 0 && errno != ENOENT {
      throw RunError.cannotWrite(file: path, fact: "the file cannot be removed: \(reason())")
    }
  }

  /// Removes a folder if it is empty.
  static func removeFolderIfEmpty(_ path: String) { rmdir(path) }

  /// The size of a file; `nil` where there is none.
  static func size(of path: String) -> Int? {
    var information = stat()
    guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int(information.st_size)
  }

  /// A path from the root, links resolved; the path itself where there is nothing.
  static func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// What changes when a file is replaced or written to: device, inode, size and time.
  static func identity(of path: String) -> [Int]? {
    var information = stat()
    guard stat(path, &information) == 0 else { return nil }
    #if canImport(Darwin)
      let time = information.st_mtimespec
    #else
      let time = information.st_mtim
    #endif
    return [
      Int(truncatingIfNeeded: information.st_dev), Int(truncatingIfNeeded: information.st_ino),
      Int(information.st_size), time.tv_sec, time.tv_nsec,
    ]
  }

  /// Makes the names in a folder survive a power failure, where the file system can.
  static func syncFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0 {
      fsync(descriptor)
      close(descriptor)
    }
  }

  /// Calls `body` with a file's bytes, a piece of at most 1 MB after another.
  static func read(_ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR {
        throw CheckpointError.missing(file: path, fact: "there is no such file")
      }
      throw CheckpointError.unreadable(file: path, fact: "the file cannot be opened: \(reason())")
    }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
      let count = systemRead(descriptor, buffer)
      if count == 0 { return }
      guard count > 0 else {
        if errno == EINTR { continue }
        throw CheckpointError.unreadable(file: path, fact: "reading failed: \(reason())")
      }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}

/// Out here, where the name means the system's.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}

/// A lock that one process holds on a file, for as long as this object lives. The system gives it up when
/// the process ends, however it ends.
final class FileLock: Sendable {
  private let path: String
  private let descriptor: Int32
  /// Whether the file system has locks at all; some cluster file systems do not.
  let isReal: Bool

  /// Takes the lock on the file at `path`, which is made if it is not there.
  ///
  /// - Returns: `nil` when another process holds it, or the file was removed meanwhile.
  init?(_ path: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      // The folder may just have been removed by the process that finished in it.
      if errno == ENOENT { return nil }
      throw RunError.cannotWrite(
        file: path, fact: "the lock cannot be made: \(SystemFile.reason())")
    }
    var result: Int32
    repeat { result = flock(descriptor, LOCK_EX | LOCK_NB) } while result != 0 && errno == EINTR
    let failure = errno
    if result != 0 && failure == EWOULDBLOCK {
      close(descriptor)
      return nil
    }
    var (own, named) = (stat(), stat())
    guard fstat(descriptor, &own) == 0, stat(path, &named) == 0, own.st_ino == named.st_ino,
      own.st_dev == named.st_dev
    else {
      close(descriptor)
      return nil
    }
    self.path = path
    self.descriptor = descriptor
    isReal = result == 0
  }

  /// Removes the file; where that cannot be, it stays and does no harm.
  func removeFile() { try? SystemFile.remove(path) }

  deinit {
    // Closing would not do while a process that is just being started still shares the descriptor.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
