// Whole small files into memory: JSON, tokenizers, task lists. Weights are mapped instead (MappedFile).
// Straight calls of the system's, because the reasons it gives for a failure are what the message needs.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads files.
public enum FileReading {
  /// All bytes of the file at `path`; also of a pipe.
  ///
  /// - Parameter limit: the most bytes that are taken.
  /// - Throws: `CheckpointError.missing` where there is nothing, `.unreadable` for a folder, a file without
  ///   permission, one beyond `limit`, or an error of the disk.
  public static func readFile(_ path: String, limit: Int = 1 << 30) throws -> [UInt8] {
    let file = try OpenedFile(path)
    defer { file.close() }
    guard file.size <= limit else {
      throw CheckpointError.unreadable(
        file: path, fact: "the file has \(file.size) bytes, the limit is \(limit)")
    }
    var bytes = [UInt8](repeating: 0, count: file.size + 1)
    var count = 0
    while true {
      // One byte more than expected, so that the end of the file shows without growing.
      if count == bytes.count {
        guard count <= limit else {
          throw CheckpointError.unreadable(
            file: path, fact: "there are more bytes than the limit of \(limit)")
        }
        bytes.append(contentsOf: repeatElement(0, count: max(count, 4096)))
      }
      let got = bytes.withUnsafeMutableBytes { target in
        read(file.descriptor, target.baseAddress.map { $0 + count }, target.count - count)
      }
      if got < 0 {
        if errno == EINTR { continue }
        throw CheckpointError.unreadable(
          file: path, fact: "reading failed after \(count) bytes: \(systemReason())")
      }
      if got == 0 { break }
      count += got
    }
    guard count <= limit else {
      throw CheckpointError.unreadable(
        file: path, fact: "there are more bytes than the limit of \(limit)")
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// The text of the file at `path`, which must be UTF-8.
  public static func readText(_ path: String, limit: Int = 1 << 30) throws -> String {
    guard let text = String(validating: try readFile(path, limit: limit), as: UTF8.self) else {
      throw CheckpointError.unreadable(file: path, fact: "the file is not UTF-8 text")
    }
    return text
  }

  /// Whether there is something at `path`, and whether it is a folder.
  package enum PathKind { case absent, file, folder }

  package static func kind(of path: String) -> PathKind {
    var information = stat()
    guard stat(path, &information) == 0 else { return .absent }
    return information.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }
}

/// An open file that is not a folder, and how large it was when it was opened.
struct OpenedFile {
  let descriptor: Int32
  /// In bytes; 0 for a pipe.
  let size: Int
  let isRegular: Bool
  let identity: FileIdentity

  init(_ path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT, ENOTDIR: throw CheckpointError.missing(file: path, fact: "there is no such file")
      default:
        throw CheckpointError.unreadable(
          file: path, fact: "the file cannot be opened: \(systemReason())")
      }
    }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else {
      let reason = systemReason()
      _ = Self.closing(descriptor)
      throw CheckpointError.unreadable(file: path, fact: "the file cannot be examined: \(reason)")
    }
    guard information.st_mode & S_IFMT != S_IFDIR else {
      _ = Self.closing(descriptor)
      throw CheckpointError.unreadable(file: path, fact: "this is a folder, expected a file")
    }
    isRegular = information.st_mode & S_IFMT == S_IFREG
    size = isRegular ? Int(information.st_size) : 0
    identity = FileIdentity(information)
  }

  func close() { _ = Self.closing(descriptor) }

  private static func closing(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.close(descriptor)
    #elseif canImport(Musl)
      Musl.close(descriptor)
    #elseif canImport(Darwin)
      Darwin.close(descriptor)
    #endif
  }
}

/// What tells that a file is still the same one, with the same contents as far as the system knows.
struct FileIdentity: Equatable, Sendable {
  let device: UInt64
  let inode: UInt64
  let size: Int64
  let modifiedSeconds: Int
  let modifiedNanoseconds: Int

  init(_ information: stat) {
    device = UInt64(truncatingIfNeeded: information.st_dev)
    inode = UInt64(information.st_ino)
    size = Int64(information.st_size)
    #if canImport(Darwin)
      modifiedSeconds = information.st_mtimespec.tv_sec
      modifiedNanoseconds = information.st_mtimespec.tv_nsec
    #else
      modifiedSeconds = information.st_mtim.tv_sec
      modifiedNanoseconds = information.st_mtim.tv_nsec
    #endif
  }
}

/// The system's words for the error that just happened.
func systemReason() -> String { String(cString: strerror(errno)) }
