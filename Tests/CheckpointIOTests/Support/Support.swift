// What the tests of this module share: temporary folders, fixtures, the sentence of an expected failure,
// seeded damage.

import CheckpointIO
import Foundation
import TensorCore

/// A folder that is removed with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "thetascope-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let file = "\(path)/\(name)"
    // Not Foundation's writing, which forces every file to disk: tests write ten thousand.
    unlink(file)
    guard let stream = fopen(file, "wb") else { throw CocoaError(.fileWriteUnknown) }
    defer { fclose(stream) }
    let bytes = Array(bytes)
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else {
      throw CocoaError(.fileWriteUnknown)
    }
    return file
  }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }
}

enum Fixture {
  /// The path of a fixture of this module.
  static func path(_ name: String) -> String { folder + "/" + name }

  static func bytes(_ name: String) throws -> [UInt8] { try FileReading.readFile(path(name)) }

  static func lines(_ name: String) throws -> [Substring] {
    try FileReading.readText(path(name)).split(separator: "\n")
  }

  private static let folder: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/Fixtures/checkpoint"
  }()
}

/// The sentence `body` fails with, without the file's name before it; nil if it does not fail.
func sentence<Result>(_ body: () throws -> Result) throws -> String? {
  do {
    _ = try body()
    return nil
  } catch let error as CheckpointError {
    let text = error.description
    return text.hasPrefix(error.file + ": ") ? String(text.dropFirst(error.file.count + 2)) : text
  }
}

/// Changes one to four bytes of `bytes`.
func damaged(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
  var result = bytes
  for _ in 0...Int(generator.next() % 4) {
    let position = Int(generator.next() % UInt64(result.count))
    switch generator.next() % 4 {
    case 0: result[position] ^= 1 << UInt8(generator.next() % 8)
    case 1: result[position] = UInt8(truncatingIfNeeded: generator.next())
    case 2:
      result[position] =
        [0x00, 0xFF, 0x7F, 0x80, 0x30, 0x39, 0x2D, 0x22][Int(generator.next() % 8)]
    default: result[position] &+= 1
    }
  }
  return result
}
