// What a scalar is to the regular expressions of pre-tokenizers: letter, number, white space, word
// character, punctuation. One flat byte table, filled once from the generated runs, so that a
// scanner pays one load a scalar. Not the Swift runtime's Unicode: the tables are part of what a
// tokenizer computes and must not move with the toolchain or the operating system.

/// The classes one scalar belongs to.
struct CharacterClass: OptionSet, Sendable {
  let rawValue: UInt8

  /// `\p{L}`
  static let letter = CharacterClass(rawValue: 1)
  /// `\p{N}`, which is also Rust's `char::is_numeric`
  static let number = CharacterClass(rawValue: 2)
  /// `\s`, which is also Rust's `char::is_whitespace`
  static let space = CharacterClass(rawValue: 4)
  /// `\w`
  static let word = CharacterClass(rawValue: 8)
  /// ASCII punctuation and symbols, and Unicode's punctuation
  static let punctuation = CharacterClass(rawValue: 16)

  static let letterOrNumber: CharacterClass = [.letter, .number]
  static let letterNumberOrSpace: CharacterClass = [.letter, .number, .space]

  func intersects(_ other: CharacterClass) -> Bool { rawValue & other.rawValue != 0 }
}

/// The table of classes, indexed by scalar.
struct CharacterClasses: Sendable {
  static let shared = CharacterClasses()

  /// Classes of the scalars below `limit`; everything above belongs to the class of `highRuns`.
  private let flat: [UInt8]
  private let highRuns: [UInt32]
  private static let limit = 0x34000

  private init() {
    var flat = [UInt8](repeating: 0, count: Self.limit)
    var highRuns: [UInt32] = []
    let runs = CharacterClassTable.runs
    for (index, run) in runs.enumerated() {
      let start = Int(run >> 8)
      let end = index + 1 < runs.count ? Int(runs[index + 1] >> 8) : 0x110000
      if end > Self.limit { highRuns.append(run) }
      guard run & 0xFF != 0, start < Self.limit else { continue }
      for scalar in start..<min(end, Self.limit) { flat[scalar] = UInt8(truncatingIfNeeded: run) }
    }
    self.flat = flat
    self.highRuns = highRuns
  }

  /// Lends the table to a scan; the pointer is valid in `body` only.
  func withTable<Result>(_ body: (CharacterClassReader) throws -> Result) rethrows -> Result {
    try flat.withUnsafeBufferPointer { flat in
      try body(CharacterClassReader(flat: flat, highRuns: highRuns))
    }
  }

  func classOf(_ scalar: UInt32) -> CharacterClass {
    withTable { $0.classOf(scalar) }
  }
}

/// Reads classes through a pointer; not to be kept.
struct CharacterClassReader {
  fileprivate let flat: UnsafeBufferPointer<UInt8>
  fileprivate let highRuns: [UInt32]

  @inline(__always)
  func classOf(_ scalar: UInt32) -> CharacterClass {
    if scalar < UInt32(truncatingIfNeeded: flat.count) {
      return CharacterClass(rawValue: flat[Int(scalar)])
    }
    return highClass(scalar)
  }

  private func highClass(_ scalar: UInt32) -> CharacterClass {
    guard let run = highRuns.last(where: { $0 >> 8 <= scalar }) else { return [] }
    return CharacterClass(rawValue: UInt8(truncatingIfNeeded: run))
  }
}
