// A file opened for reading, and what the system knows of it. Not a buffer: see FileReading and MappedFile.
// Folders are refused here, in words, because the system would say "Is a directory" only at the first read.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open file that is not a folder, and how large it was when it was opened.
struct OpenedFile {
  let descriptor: Int32
  /// In bytes; 0 for a pipe.
  let size: Int
  let isRegular: Bool
  let identity: FileIdentity

  init(_ path: String) throws {
    // The system would take the name to end there, and open another file.
    guard !path.utf8.contains(0) else {
      throw CheckpointError.missing(
        file: Excerpt.quoted(path), fact: "a file's name cannot contain a zero byte")
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT, ENOTDIR: throw CheckpointError.missing(file: path, fact: "there is no such file")
      default:
        throw CheckpointError.unreadable(
          file: path, fact: "the file cannot be opened: \(systemReason())")
      }
    }
    let information: stat
    do {
      information = try Self.examine(descriptor, path)
    } catch {
      _ = systemClose(descriptor)
      throw error
    }
    guard information.st_mode & S_IFMT != S_IFDIR else {
      _ = systemClose(descriptor)
      throw CheckpointError.unreadable(file: path, fact: "this is a folder, expected a file")
    }
    isRegular = information.st_mode & S_IFMT == S_IFREG
    size = isRegular ? Int(information.st_size) : 0
    identity = FileIdentity(information)
  }

  func close() { _ = systemClose(descriptor) }

  /// What the system says of the same file now.
  func currentIdentity(_ path: String) throws -> FileIdentity {
    FileIdentity(try Self.examine(descriptor, path))
  }

  private static func examine(_ descriptor: Int32, _ path: String) throws -> stat {
    var information = stat()
    guard fstat(descriptor, &information) == 0 else {
      throw CheckpointError.unreadable(
        file: path, fact: "the file cannot be examined: \(systemReason())")
    }
    return information
  }
}

/// What tells that a file is still the same one, with the same contents as far as the system knows.
struct FileIdentity: Equatable, Sendable {
  let device: UInt64
  let inode: UInt64
  let size: Int64
  let modifiedSeconds: Int
  let modifiedNanoseconds: Int

  /// Of what lies at `path` now; nil where there is nothing.
  init?(of path: String) {
    var information = stat()
    guard stat(path, &information) == 0 else { return nil }
    self.init(information)
  }

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

/// Out here, where the name means the system's.
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
