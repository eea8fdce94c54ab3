// Where the tests of this target find their material, and how they read it. The committed fixtures
// must be there; real third-party files beside the project may be absent, and a test that needs
// them says so.

import CheckpointIO
import Testing
import Tokenization

enum Fixture {
  private static let root: String = {
    // …/Tests/TokenizationTests/Fixture.swift
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }()

  static func path(_ name: String) -> String { root + "/Tests/Fixtures/tokenization/" + name }

  static func json(_ name: String) throws -> JSON { try JSON(contentsOf: path(name)) }

  /// A path below ../shared/real, or nil after saying that it is absent.
  static func real(_ path: String, for test: String) -> String? {
    let full = root + "/../shared/real/" + path
    if FileReading.kind(of: full) != .absent { return full }
    print("skipped: \(test): ../shared/real/\(path) is absent")
    return nil
  }
}

extension JSON {
  /// A list of integers.
  func integers() throws -> [Int] {
    try #require(arrayValue).map { try #require($0.intValue) }
  }
}

extension Tokenizer {
  /// A tokenizer from a document in memory.
  init(document: JSON) throws {
    try self.init(
      tokenizerJSON: Array(document.serialized(pretty: false).utf8), file: "tokenizer.json")
  }

  /// Checks all that one case of a fixture says.
  func check(_ expected: JSON, _ comment: Comment) throws {
    let text = try #require(expected["text"]?.stringValue)
    let ids = try #require(expected["ids"]).integers()
    #expect(try encode(text) == ids, comment)
    #expect(try encodeWithOffsets(text).map(\.id) == ids, "with offsets: \(comment)")
    let withSpecial = try expected["with_special"]?.integers() ?? ids
    #expect(try encode(text, addingSpecialTokens: true) == withSpecial, comment)
    let sequence = try expected["decode"]?.integers() ?? ids
    let decoded = try #require(expected["decoded"]?.stringValue)
    #expect(Array(decode(sequence).utf8) == Array(decoded.utf8), "decoding \(sequence): \(comment)")
    let skipping = expected["decoded_skipping"]?.stringValue ?? decoded
    #expect(
      Array(decode(sequence, skippingSpecialTokens: true).utf8) == Array(skipping.utf8),
      "decoding \(sequence) without special tokens: \(comment)")
  }
}
