// The normalization forms and lower case against Hugging Face tokenizers, on every scalar there is
// and on mixed text (digests in mixed.json). Seen from outside: a byte-level tokenizer without
// merges gives back, decoded, exactly what its normalizer made of the text.

import CheckpointIO
import Testing
import Tokenization

@Suite struct NormalizationTests {
  @Test(arguments: ["NFC", "NFD", "NFKC", "NFKD", "Lowercase"])
  func agreesOnEveryScalar(_ form: String) throws {
    let normalizer = try Self.tokenizer(["type": .string(form)])
    var text: [UInt8] = []
    let scalars = (0..<UInt32(0x110000)).compactMap(Unicode.Scalar.init)
    for scalar in scalars { text += Array("a\(scalar)".utf8) }
    for scalar in scalars { text += Array("o\u{327}\u{301}\(scalar)".utf8) }
    let expected = try #require(try Fixture.json("mixed.json")["every_scalar"]?[form]?.stringValue)
    let result = normalizer.decode(try normalizer.encode(String(decoding: text, as: UTF8.self)))
    #expect(Digest.sha256(Array(result.utf8)) == expected)
  }

  @Test(arguments: ["NFC", "NFD", "NFKC", "NFKD", "Lowercase"])
  func agreesOnMixedText(_ form: String) throws {
    let normalizer = try Self.tokenizer(["type": .string(form)])
    for entry in try #require(try Fixture.json("mixed.json")["texts"]?.arrayValue).prefix(1) {
      let text = try MixedText.text(seed: #require(entry["seed"]?.intValue))
      let result = normalizer.decode(try normalizer.encode(text))
      #expect(
        Digest.sha256(Array(result.utf8)) == entry["normalized"]?[form]?.stringValue)
      let isIdempotent = try normalizer.encode(result) == normalizer.encode(text)
      #expect(isIdempotent)
    }
  }

  /// A tokenizer of 256 byte tokens behind a normalizer.
  static func tokenizer(_ normalizer: JSON) throws -> Tokenizer {
    var next: UInt32 = 256
    let vocabulary = (0..<256).map { (byte: Int) -> (String, JSON) in
      let isPrintable = (0x21...0x7E).contains(byte) || (0xA1...0xFF).contains(byte)
      var scalar = UInt32(byte)
      if !isPrintable || byte == 0xAD {
        scalar = next
        next += 1
      }
      return (String(Character(Unicode.Scalar(scalar) ?? "?")), .integer(byte))
    }
    let byteLevel: JSON = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    ]
    return try Tokenizer(document: [
      "normalizer": normalizer, "pre_tokenizer": byteLevel, "decoder": byteLevel,
      "model": ["type": "BPE", "vocab": .object(JSONObject(vocabulary)), "merges": []],
    ])
  }
}
