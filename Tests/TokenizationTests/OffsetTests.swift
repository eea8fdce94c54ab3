// Laws of offsets: the bytes that the tokens of a text spell, in order, are the text, as far as
// nothing was removed, inserted or normalized; and where something was, by hand.

import CheckpointIO
import Testing
import Tokenization

@Suite struct OffsetTests {
  private func tiny(_ name: String) throws -> Tokenizer {
    try Tokenizer(
      document: #require(try Fixture.json("tiny.json")["kinds"]?[name]?["tokenizer"]))
  }

  @Test(arguments: ["gpt2", "llama3"])
  func tilesTheText(_ name: String) throws {
    let text = try MixedText.text(seed: 2)
    var end = 0
    for span in try tiny(name).encodeWithOffsets(text) {
      try #require(span.utf8Range.lowerBound == end)
      try #require(!span.utf8Range.isEmpty)
      end = span.utf8Range.upperBound
    }
    #expect(end == text.utf8.count)
  }

  /// Also where the text is rewritten, ranges stay in the text and never go back. (Under NFC they
  /// may, by a mark: it puts marks into another order.)
  @Test(arguments: ["llama", "arrow"])
  func neverGoesBack(_ name: String) throws {
    let text = try MixedText.text(seed: 3)
    var last = 0
    for span in try tiny(name).encodeWithOffsets(text) {
      try #require(span.utf8Range.lowerBound >= last)
      try #require(span.utf8Range.upperBound <= text.utf8.count)
      last = span.utf8Range.lowerBound
    }
  }

  @Test func composedCharactersCoverAllTheyAreMadeOf() throws {
    let tokenizer = try NormalizationTests.tokenizer(["type": "NFC"])
    // e + acute composes to two bytes, both from all three; the letter after is itself.
    let spans = try tokenizer.encodeWithOffsets("e\u{301}x")
    #expect(spans.map(\.utf8Range) == [0..<3, 0..<3, 3..<4])
  }

  @Test func insertedTokensAreEmpty() throws {
    let tokenizer = try NormalizationTests.tokenizer(["type": "Prepend", "prepend": "_-"])
    let spans = try tokenizer.encodeWithOffsets("ab")
    #expect(spans.map(\.utf8Range) == [0..<0, 0..<0, 0..<1, 1..<2])
  }

  @Test func partsOfACharacterHaveTheirOwnBytes() throws {
    let tokenizer = try NormalizationTests.tokenizer(["type": "NFC"])
    #expect(
      try tokenizer.encodeWithOffsets("a€").map(\.utf8Range) == [0..<1, 1..<2, 2..<3, 3..<4])
  }
}
