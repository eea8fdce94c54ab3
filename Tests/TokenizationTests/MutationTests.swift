// Ten thousand damaged tokenizers: bytes flipped, cut and doubled, and values of the document
// exchanged for others. Each loads or is refused with an error; those that load must live through
// hostile texts and ids.

import CheckpointIO
import Testing
import Tokenization

@Suite struct MutationTests {
  private static let texts = [
    "", " ", "France -> Paris\nItaly ->", "<s> the  quick\tbrown\r\n",
    "naïve e\u{301}\u{323} 日本語 😀",
    "\u{0}\u{FFFD}\u{10FFFF}\u{2581}\u{2581}",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  ]

  @Test(arguments: ["gpt2", "neox", "llama3", "llama", "arrow", "xglm", "t5"])
  func damagedBytes(_ name: String) throws {
    let original = Array(try document(name).serialized(pretty: false).utf8)
    var random = Splitmix(state: 17)
    var loaded = 0
    for _ in 0..<1000 {
      var bytes = original
      for _ in 0...random.below(3) { damage(&bytes, &random) }
      if exercise({ try Tokenizer(tokenizerJSON: bytes, file: "tokenizer.json") }, &random) {
        loaded += 1
      }
    }
    #expect(loaded > 0 && loaded < 1000, "the damage must hit, and must not always be fatal")
  }

  @Test(arguments: ["gpt2", "neox", "llama3", "llama", "arrow", "xglm", "t5"])
  func exchangedValues(_ name: String) throws {
    let original = try document(name)
    var random = Splitmix(state: 18)
    var loaded = 0
    for _ in 0..<1000 {
      var document = original
      for _ in 0...random.below(2) { document = exchanged(document, &random) }
      if exercise({ try Tokenizer(document: document) }, &random) { loaded += 1 }
    }
    #expect(loaded > 0 && loaded < 1000, "the damage must hit, and must not always be fatal")
  }

  /// The tokenizer of a fixture, its vocabulary cut down so that a mutation often hits something
  /// else.
  private func document(_ name: String) throws -> JSON {
    try #require(try Fixture.json("tiny.json")["kinds"]?[name]?["tokenizer"])
  }

  /// Loads and uses a tokenizer; errors are fine. Returns whether it loaded.
  private func exercise(_ load: () throws -> Tokenizer, _ random: inout Splitmix) -> Bool {
    guard let tokenizer = try? load() else { return false }
    for text in Self.texts {
      let ids = (try? tokenizer.encode(text, addingSpecialTokens: true)) ?? []
      let spans = (try? tokenizer.encodeWithOffsets(text)) ?? []
      for span in spans { #expect(span.utf8Range.upperBound <= text.utf8.count) }
      for id in ids { #expect(id >= 0 && id < tokenizer.vocabularySize) }
      _ = tokenizer.decode(ids)
    }
    let ids = (0..<20).map { _ in random.below(tokenizer.vocabularySize + 4) - 2 } + [.min, .max]
    _ = tokenizer.decode(ids, skippingSpecialTokens: true)
    for id in ids { _ = tokenizer.piece(id) }
    _ = try? tokenizer.prompt("x", bos: .always)
    _ = tokenizer.summary
    return true
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout Splitmix) {
    let at = random.below(bytes.count)
    switch random.below(6) {
    case 0: bytes[at] ^= UInt8(1 << random.below(8))
    case 1: bytes[at] = UInt8(random.below(256))
    case 2: bytes.remove(at: at)
    case 3: bytes.insert(bytes[random.below(bytes.count)], at: at)
    case 4: bytes[at] = Array("0123456789-\"\\{}[],:eE. u".utf8)[random.below(24)]
    default:
      let end = min(at + random.below(40), bytes.count)
      bytes.insert(contentsOf: bytes[at..<end], at: random.below(bytes.count))
    }
  }

  /// The document with one value, found by walking down at random, exchanged for another.
  private func exchanged(_ json: JSON, _ random: inout Splitmix) -> JSON {
    if random.below(6) > 0 {
      switch json {
      case .object(var object) where !object.isEmpty:
        let key = object.keys[random.below(object.count)]
        let value = object[key] ?? .null
        switch random.below(12) {
        case 0: object[key] = nil
        case 1: object["type"] = .string(Self.types[random.below(Self.types.count)])
        default: object[key] = exchanged(value, &random)
        }
        return .object(object)
      case .array(var array) where !array.isEmpty:
        let index = random.below(array.count)
        switch random.below(12) {
        case 0: array.remove(at: index)
        case 1: array.append(array[index])
        case 2: array.swapAt(index, random.below(array.count))
        default: array[index] = exchanged(array[index], &random)
        }
        return .array(array)
      default: break
      }
    }
    switch random.below(9) {
    case 0: return .null
    case 1: return .boolean(random.below(2) == 0)
    case 2: return .integer([0, 1, -1, 2, 259, 400, 4_194_303, .max, .min][random.below(9)])
    case 3: return .number(0.5)
    case 4: return .string(["", " ", "a", "▁", "é", "<s>", "->"][random.below(7)])
    case 5: return .string(Self.types[random.below(Self.types.count)])
    case 6: return .array([json, json])
    case 7: return .object(["type": .string(Self.types[random.below(Self.types.count)])])
    default: return .array([])
    }
  }

  private static let types = [
    "BPE", "WordLevel", "Unigram", "Sequence", "ByteLevel", "Split", "Digits", "Metaspace", "NFC",
    "NFKD", "Lowercase", "Strip", "Prepend", "Replace", "ByteFallback", "Fuse",
    "TemplateProcessing",
    "Removed", "Contiguous", "first", "never",
  ]
}
