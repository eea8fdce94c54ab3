// Three megabytes of mixed text against the digests of what Hugging Face tokenizers makes of them
// (mixed.json, made by make_mixed.py): not one id may differ.

import CheckpointIO
import Testing
import Tokenization

@Suite struct MixedTextTests {
  @Test(arguments: ["gpt2", "neox", "llama3", "llama", "arrow", "xglm", "t5"])
  func tinyTokenizers(_ name: String) throws {
    let kind = try #require(try Fixture.json("tiny.json")["kinds"]?[name])
    try check(Tokenizer(document: #require(kind["tokenizer"])), "tiny " + name, texts: 1)
  }

  @Test(arguments: [
    ("gpt2", "tokenizers/gpt2"), ("gpt-neox", "tokenizers/gpt-neox"),
    ("stories260K", "models/stories260K/hf"),
  ])
  func realTokenizers(_ name: String, _ path: String) throws {
    guard let folder = Fixture.real(path, for: "realTokenizers(\(name))") else { return }
    try check(Tokenizer.load(folder: folder), name, texts: 3)
  }

  private func check(_ tokenizer: Tokenizer, _ name: String, texts count: Int) throws {
    let texts = try #require(try Fixture.json("mixed.json")["texts"]?.arrayValue)
    #expect(texts.count == 3)
    for entry in texts.prefix(count) {
      let text = try MixedText.text(seed: #require(entry["seed"]?.intValue))
      let bytes = Array(text.utf8)
      try #require(bytes.count == entry["bytes"]?.intValue)
      try #require(Digest.sha256(bytes) == entry["sha256"]?.stringValue, "the texts differ")
      let expected = try #require(entry["tokenizers"]?[name])
      let ids = try tokenizer.encode(text)
      #expect(ids.count == expected["count"]?.intValue)
      #expect(Digest.sha256(ids: ids) == expected["ids_sha256"]?.stringValue)
      let decoded = Array(tokenizer.decode(ids).utf8)
      #expect(Digest.sha256(decoded) == expected["decoded_sha256"]?.stringValue)
      let isSameWithOffsets = try tokenizer.encodeWithOffsets(text).map(\.id) == ids
      #expect(isSameWithOffsets)
    }
  }
}
