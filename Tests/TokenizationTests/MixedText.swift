// A megabyte of everything: scripts, emoji, code, marks, line ends, runs of white space, things
// that look broken. Made from a seed exactly as make_mixed.py makes it, so that a fixture needs
// only digests.

import CKernels
import CheckpointIO
import Testing

struct MixedText {
  private let parts: [String: [String]]
  private let blocks: [[Int]]
  private let zeros: [Int]
  private var state: UInt64
  private static let target = 1 << 20

  /// The texts of the seeds that the fixture has.
  private static let made = Result { try (1...3).map { try make(seed: $0) } }

  static func text(seed: Int) throws -> String {
    let texts = try made.get()
    try #require((1...texts.count).contains(seed))
    return texts[seed - 1]
  }

  private static func make(seed: Int) throws -> String {
    var maker = try MixedText(seed: UInt64(seed))
    var text: [UInt8] = []
    while text.count < target { text.append(contentsOf: maker.piece().utf8) }
    return String(decoding: text, as: UTF8.self)
  }

  private init(seed: UInt64) throws {
    var parts: [String: [String]] = [:]
    let all = try #require(try Fixture.json("mixed_parts.json").objectValue)
    for (name, items) in all where name != "blocks" && name != "zeros" {
      parts[name] = try #require(items.arrayValue).map { try #require($0.stringValue) }
    }
    self.parts = parts
    blocks = try #require(all["blocks"]?.arrayValue).map { try $0.integers() }
    zeros = try #require(all["zeros"]).integers()
    state = seed
  }

  private mutating func below(_ limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % limit
  }

  private mutating func item(_ name: String) -> String {
    guard let items = parts[name] else { return "" }
    return items[below(items.count)]
  }

  private func scalar(_ value: Int) -> String {
    String(Character(Unicode.Scalar(UInt32(value)) ?? "\u{FFFD}"))
  }

  private mutating func run(_ first: Int, _ count: Int, _ most: Int) -> String {
    var text = ""
    for _ in 0..<1 + below(most) { text += scalar(first + below(count)) }
    return text
  }

  private mutating func latin() -> String {
    let isCapital = below(8) == 0
    var word = ""
    for _ in 0..<1 + below(9) { word += item("letters") }
    return " " + (isCapital ? word.prefix(1).uppercased() + word.dropFirst() : word)
  }

  private mutating func piece() -> String {
    let kind = below(24)
    switch kind {
    case ..<6: return latin()
    case ..<9: return " " + run([0x430, 0x3B1, 0x5D0][kind - 6], [32, 25, 27][kind - 6], 9)
    case 9:
      let block = blocks[below(blocks.count)]
      return run(block[0], block[1], 12)
    case 10:
      let letter = item("letters")
      return letter + run(0x300, 0x70, 3)
    case 11:
      let space = item("spaces")
      return String(repeating: space, count: 1 + below(40))
    case 12:
      let zero = zeros[below(zeros.count)]
      return run(zero, 10, 7)
    case 13:
      var text = ""
      for _ in 0..<1 + below(4) { text += item("punctuation") }
      return text
    case 14: return scalar(below(0x3000))
    case 15: return scalar(below(0x110000))
    case 16:
      let letter = item("letters")
      return String(repeating: letter, count: 1 + below(60))
    default:
      let names = ["emoji", "code", "composed", "lines", "contractions", "special", "invalid"]
      return item(names[kind - 17])
    }
  }
}

enum Digest {
  static func sha256(_ bytes: [UInt8]) -> String {
    var state = ck_sha256()
    var digest = [UInt8](repeating: 0, count: 32)
    ck_sha256_init(&state)
    bytes.withUnsafeBytes { ck_sha256_update(&state, $0.baseAddress, $0.count) }
    ck_sha256_final(&state, &digest)
    let digits = Array("0123456789abcdef")
    return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  /// Of the ids as 32-bit little-endian integers.
  static func sha256(ids: [Int]) -> String {
    ids.map { UInt32($0).littleEndian }.withUnsafeBytes { sha256(Array($0)) }
  }
}
