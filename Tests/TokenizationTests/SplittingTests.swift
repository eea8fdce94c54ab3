// Splitting seen through offsets, by hand: a WordLevel tokenizer without words gives one unknown
// token a fragment, so that its ranges are the fragments.

import CheckpointIO
import Testing
import Tokenization

@Suite struct SplittingTests {
  private func fragments(_ preTokenizer: JSON, _ text: String) throws -> [String] {
    let tokenizer = try Tokenizer(document: [
      "pre_tokenizer": preTokenizer,
      "model": ["type": "WordLevel", "unk_token": "?", "vocab": ["?": 0]],
    ])
    let bytes = Array(text.utf8)
    return try tokenizer.encodeWithOffsets(text).map {
      String(decoding: bytes[$0.utf8Range], as: UTF8.self)
    }
  }

  private func split(_ pattern: String, _ behavior: String, invert: Bool = false) -> JSON {
    [
      "type": "Split", "pattern": ["String": .string(pattern)], "behavior": .string(behavior),
      "invert": .boolean(invert),
    ]
  }

  /// The example of Hugging Face tokenizers' documentation.
  @Test func behaviors() throws {
    let text = "the-final--countdown"
    let expected: [(String, [String])] = [
      ("Removed", ["the", "final", "countdown"]),
      ("Isolated", ["the", "-", "final", "-", "-", "countdown"]),
      ("MergedWithPrevious", ["the-", "final-", "-", "countdown"]),
      ("MergedWithNext", ["the", "-final", "-", "-countdown"]),
      ("Contiguous", ["the", "-", "final", "--", "countdown"]),
    ]
    for (behavior, pieces) in expected {
      #expect(try fragments(split("-", behavior), text) == pieces, "\(behavior)")
    }
    #expect(try fragments(split("-", "Removed", invert: true), text) == ["-", "-", "-"])
  }

  @Test func overlappingOccurrences() throws {
    #expect(try fragments(split("aa", "Isolated"), "aaaaa") == ["aa", "aa", "a"])
    #expect(try fragments(split("aab", "Isolated"), "aaab") == ["a", "aab"])
    #expect(try fragments(split("abab", "Removed"), "xabababx") == ["x", "abx"])
  }

  /// The pre-tokenizer of the shipped models.
  @Test func arrowPrompts() throws {
    let arrow: JSON = [
      "type": "Sequence",
      "pretokenizers": [
        split("->", "Isolated"), split("\n", "Isolated"), split(",", "Isolated"),
        split(" ", "Removed"),
      ],
    ]
    #expect(
      try fragments(arrow, "France -> Paris\nItaly->  Rome,x -")
        == ["France", "->", "Paris", "\n", "Italy", "->", "Rome", ",", "x", "-"])
    #expect(try fragments(arrow, "  ") == [])
  }

  @Test func classes() throws {
    #expect(try fragments(["type": "WhitespaceSplit"], " a\u{A0}b\u{3000}\n") == ["a", "b"])
    #expect(
      try fragments(["type": "Whitespace"], "it's naïve_x!?") == ["it", "'", "s", "naïve_x", "!?"])
    #expect(
      try fragments(["type": "Digits", "individual_digits": true], "a12½") == ["a", "1", "2", "½"])
    #expect(try fragments(["type": "Digits"], "a12½b") == ["a", "12½", "b"])
    #expect(
      try fragments(["type": "Punctuation", "behavior": "Isolated"], "a«b»$")
        == ["a", "«", "b", "»", "$"])
  }

  private static let gpt2 =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
  private static let llama3 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"#
    + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let qwen2 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"#
    + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private static func matching(_ pattern: String) -> JSON {
    ["type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated"]
  }

  private static let splitters: [(String, JSON)] = [
    ("gpt2", matching(gpt2)), ("llama3", matching(llama3)), ("qwen2", matching(qwen2)),
    ("Whitespace", ["type": "Whitespace"]), ("WhitespaceSplit", ["type": "WhitespaceSplit"]),
    ("Digits", ["type": "Digits"]),
    ("Punctuation", ["type": "Punctuation", "behavior": "Contiguous"]),
  ]

  /// A megabyte of mixed text, cut by each pre-tokenizer, against digests of the lengths of what
  /// Hugging Face tokenizers cuts it into (mixed.json).
  @Test(arguments: splitters)
  func mixedText(_ name: String, _ preTokenizer: JSON) throws {
    for entry in try #require(try Fixture.json("mixed.json")["texts"]?.arrayValue) {
      let text = try MixedText.text(seed: #require(entry["seed"]?.intValue))
      let lengths = try fragments(preTokenizer, text).map(\.utf8.count)
      #expect(Digest.sha256(ids: lengths) == entry["fragments"]?[name]?.stringValue)
    }
  }

  @Test func caseInsensitiveContractions() throws {
    #expect(try fragments(Self.matching(Self.llama3), "'\u{17F}the") == ["'\u{17F}", "the"])
    #expect(try fragments(Self.matching(Self.llama3), "I'LLx") == ["I", "'LL", "x"])
    #expect(try fragments(Self.matching(Self.gpt2), "I'LLx") == ["I", "'", "LLx"])
    #expect(
      try fragments(Self.matching(Self.qwen2), "12 !!\r\n\r\nx  \n  y")
        == ["1", "2", " !!\r\n\r\n", "x", "  \n", " ", " y"])
  }

  @Test func regularExpressions() throws {
    func byteLevel(_ text: String) throws -> [String] {
      try fragments(Self.matching(Self.gpt2), text)
    }
    #expect(
      try byteLevel("I'll go  there\n\n x") == ["I", "'ll", " go", " ", " there", "\n\n", " x"])
    #expect(try byteLevel("a\t\tb") == ["a", "\t", "\t", "b"])
    #expect(try byteLevel("12ab!?  ") == ["12", "ab", "!?", "  "])
    #expect(try byteLevel("'S ' 's") == ["'", "S", " '", " '", "s"])
  }
}
