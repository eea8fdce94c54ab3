// Merging against the definition: as long as any pair of neighbours merges, merge the one of lowest
// rank, of equal ones the leftmost. Short words are scanned, long ones go through a heap; both must
// agree with it.

import CheckpointIO
import Testing
import Tokenization

@Suite struct MergingTests {
  /// A made-up encoding over four letters with merges that get in each other's way.
  private struct Encoding {
    var ids: [String: Int] = [:]
    var ranks: [[String]: Int] = [:]
    var tokenizer: Tokenizer

    init(seed: UInt64) throws {
      var random = Splitmix(state: seed)
      var pieces = ["a", "b", "c", "d"]
      var merges: [[String]] = []
      while merges.count < 60 {
        let merge = [pieces[random.below(pieces.count)], pieces[random.below(pieces.count)]]
        if merges.contains(merge) { continue }
        merges.append(merge)
        if !pieces.contains(merge.joined()) { pieces.append(merge.joined()) }
      }
      for (rank, merge) in merges.enumerated() { ranks[merge] = rank }
      for (id, piece) in pieces.enumerated() { ids[piece] = id }
      let vocabulary = pieces.enumerated().map { ($1, JSON.integer($0)) }
      tokenizer = try Tokenizer(document: [
        "model": [
          "type": "BPE", "vocab": .object(JSONObject(vocabulary)),
          "merges": .array(merges.map { .array($0.map { .string($0) }) }),
        ]
      ])
    }

    func byDefinition(_ text: String) -> [Int?] {
      var symbols = text.map { String($0) }
      while true {
        let pairs = zip(symbols, symbols.dropFirst()).enumerated()
        let merging = pairs.compactMap { index, pair in
          ranks[[pair.0, pair.1]].map { (rank: $0, index: index) }
        }
        guard let best = merging.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else {
          break
        }
        symbols[best.index] += symbols.remove(at: best.index + 1)
      }
      return symbols.map { ids[$0] }
    }
  }

  @Test(arguments: 1...20)
  func agreesWithTheDefinition(_ seed: Int) throws {
    let encoding = try Encoding(seed: UInt64(seed))
    var random = Splitmix(state: UInt64(seed) + 1000)
    for length in Array(1...80) + [150, 300] {
      let text = String((0..<length).map { _ in "abcd".randomElement(using: &random) ?? "a" })
      let ids = encoding.byDefinition(text)
      #expect(try encoding.tokenizer.encode(text) == ids, "\(text)")
      let spans = try encoding.tokenizer.encodeWithOffsets(text)
      #expect(spans.map(\.id) == ids)
      #expect(spans.last?.utf8Range.upperBound == length)
    }
  }

  /// A megabyte that is one word must not take quadratic time: the scan would need hours.
  @Test(arguments: ["gpt2", "llama", "llama3", "neox"])
  func aMegabyteOfOneLetter(_ name: String) throws {
    let kind = try #require(try Fixture.json("tiny.json")["kinds"]?[name]?["tokenizer"])
    let tokenizer = try Tokenizer(document: kind)
    for letter in ["a", "\u{2581}", "ж", "\u{301}"] {
      let text = String(repeating: letter, count: 1 << 20)
      let ids = try tokenizer.encode(text)
      #expect(tokenizer.decode(ids).utf8.count > 1 << 19)
    }
  }

  /// The cache of words must not show: same ids the second time, and from many threads at once.
  @Test func theCacheDoesNotShow() async throws {
    let kind = try #require(try Fixture.json("tiny.json")["kinds"]?["gpt2"]?["tokenizer"])
    let tokenizer = try Tokenizer(document: kind)
    let text = String(try MixedText.text(seed: 1).prefix(20_000))
    let first = try tokenizer.encodeWithOffsets(text).map(\.id)  // without the cache
    let all = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<16 { group.addTask { try tokenizer.encode(text) } }
      return try await group.reduce(into: [[Int]]()) { $0.append($1) }
    }
    #expect(all.count == 16)
    let isSame = all.allSatisfy { $0 == first }
    #expect(isSame)
  }
}

/// A small seeded generator for tests.
struct Splitmix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
