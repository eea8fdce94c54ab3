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
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: the most bytes that are taken.
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

  /// The names of what lies in the folder at `path`, hidden files included, sorted by their bytes.
  package static func names(in path: String) throws -> [String] {
    guard let folder = opendir(path) else {
      throw CheckpointError.unreadable(
        file: path, fact: "the folder cannot be listed: \(systemReason())")
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
