// Whole tiny tokenizers of every kind against Hugging Face tokenizers (tiny.json, made by
// make_cases.py).

import CheckpointIO
import Testing
import Tokenization

@Suite struct TinyTokenizerTests {
  @Test(arguments: ["gpt2", "neox", "llama3", "llama", "arrow", "xglm", "t5"])
  func givesTheLibrarysIDs(_ name: String) throws {
    let kind = try #require(try Fixture.json("tiny.json")["kinds"]?[name])
    let tokenizer = try Tokenizer(document: #require(kind["tokenizer"]))
    let cases = try #require(kind["cases"]?.arrayValue)
    #expect(cases.count >= 20)
    for expected in cases {
      let text = try #require(expected["text"]?.stringValue)
      try tokenizer.check(expected, "\(name), text \(text.debugDescription)")
      guard let offsets = expected["offsets"]?.arrayValue else { continue }
      let ranges = try tokenizer.encodeWithOffsets(text).map(\.utf8Range)
      let wanted = try offsets.map { pair in
        let pair = try pair.integers()
        return pair[0]..<pair[1]
      }
      #expect(ranges == wanted, "offsets of \(text.debugDescription) in \(name)")
    }
  }
}
