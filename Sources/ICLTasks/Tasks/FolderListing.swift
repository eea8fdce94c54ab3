// The task files below a folder, in an order that every machine agrees on.

import CheckpointIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The paths of all files below a folder whose names end in `suffix`, sorted by their bytes; hidden
/// files and folders are left out, and so is what lies more than eight folders deep.
///
/// - Throws: `TaskError.unreadable` for a folder that cannot be listed.
func files(below folder: String, suffix: String, depth: Int = 8) throws -> [String] {
  guard let stream = opendir(folder) else {
    let reason = String(cString: strerror(errno))
    let known: [FileReading.PathKind: String] = [.file: "it is a file", .absent: "it is not there"]
    throw TaskError.unreadable(
      path: folder,
      reason: known[FileReading.kind(of: folder)].map {
        $0 + "; expected a folder of tasks, each a .json file, such as data/tasks"
      } ?? reason)
  }
  defer { closedir(stream) }
  var found: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
        String(cString: $0)
      }
    }
    guard !name.hasPrefix(".") else { continue }
    let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    if FileReading.kind(of: path) == .folder {
      if depth > 0 { found += try files(below: path, suffix: suffix, depth: depth - 1) }
    } else if name.hasSuffix(suffix) {
      found.append(path)
    }
  }
  return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}
