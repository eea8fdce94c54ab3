// Tokenizers that other people trained, on the cases other people wrote for them. Needs
// ../shared/real.

import CheckpointIO
import Testing
import Tokenization

@Suite struct RealTokenizerTests {
  /// llama.cpp's 46 cases for GPT-2.
  @Test func gpt2Cases() throws {
    guard let folder = Fixture.real("tokenizers/gpt2", for: "gpt2Cases") else { return }
    let tokenizer = try Tokenizer.load(folder: folder)
    let text = try FileReading.readText(folder + "/ggml-vocab-gpt-2.gguf.inp")
    let answers = try FileReading.readText(folder + "/ggml-vocab-gpt-2.gguf.out")
    let cases = split(Array(text.utf8), by: Array("\n__ggml_vocab_test__\n".utf8))
    let expected = answers.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(cases.count == 46)
    for (index, (text, answer)) in zip(cases, expected).enumerated() {
      let ids = answer.split(separator: " ").compactMap { Int($0) }
      #expect(try tokenizer.encode(text) == ids, "case \(index): \(text.debugDescription)")
      #expect(tokenizer.decode(ids) == text)
    }
    #expect(tokenizer.vocabularySize == 50257)
    #expect(tokenizer.beginningOfSequence == 50256)
    #expect(tokenizer.piece(262) == "Ġthe")
    #expect(tokenizer.id(ofPiece: "Ġthe") == 262)
    #expect(try tokenizer.encode("a<|endoftext|>b") == [64, 50256, 65])
  }

  @Test func stories260K() throws {
    let path = "models/stories260K/hf"
    guard let folder = Fixture.real(path, for: "stories260K") else { return }
    let tokenizer = try Tokenizer.load(folder: folder)
    #expect(tokenizer.vocabularySize == 512)
    #expect(tokenizer.beginningOfSequence == 1)
    #expect(try tokenizer.prompt("", bos: .auto) == [1])
    #expect(try tokenizer.prompt("", bos: .always) == [1])
    #expect(throws: TokenizationError.emptyPrompt(policy: .never)) {
      try tokenizer.prompt("", bos: .never)
    }
    #expect(tokenizer.summary.kind == "BPE with byte fallback")
    // "ж" is no piece: its two bytes are, and decode together.
    let ids = try tokenizer.encode("Lily ж")
    #expect(tokenizer.decode(ids) == "Lily ж")
    #expect(ids.suffix(2).map { tokenizer.piece($0) } == ["<0xD0>", "<0xB6>"])
  }

  /// By bytes, because a line end before and a carriage return after make one Character.
  private func split(_ text: [UInt8], by separator: [UInt8]) -> [String] {
    var parts: [String] = []
    var rest = text[...]
    var part: [UInt8] = []
    while let byte = rest.first {
      if rest.starts(with: separator) {
        parts.append(String(decoding: part, as: UTF8.self))
        part = []
        rest = rest.dropFirst(separator.count)
      } else {
        part.append(byte)
        rest = rest.dropFirst()
      }
    }
    if !part.isEmpty { parts.append(String(decoding: part, as: UTF8.self)) }
    return parts
  }
}
