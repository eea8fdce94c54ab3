// The four normalisation forms of Unicode Standard Annex 15, over the tables of the library that
// tokenizers were trained with (an older Unicode than the Swift runtime's: newer marks stay where
// they are), and with the source of every scalar, which Foundation's forms do not give.

struct UnicodeNormalization: Sendable {
  enum Form: Sendable, Equatable {
    case nfc, nfd, nfkc, nfkd

    var composes: Bool { self == .nfc || self == .nfkc }
    var isCompatible: Bool { self == .nfkc || self == .nfkd }
  }

  static let shared = UnicodeNormalization()

  /// Flags, combining class and decompositions by scalar below `limit`; all else is inert.
  private let properties: [Properties]
  /// Scalars of all decompositions, one after the other.
  private let pool: [UInt32]
  /// Composite of (first << 32 | second).
  private let composites: [UInt64: UInt32]
  private static let limit = 0x30000

  private struct Properties {
    var combiningClass: UInt8 = 0
    /// May differ from, or combine into, something else under NFC.
    var isUnstableComposed = false
    var canonicalCount: UInt8 = 0
    var compatibleCount: UInt8 = 0
    var canonicalStart: UInt16 = 0
    var compatibleStart: UInt16 = 0
  }

  private struct Unit {
    var scalar: UInt32
    var combiningClass: UInt8
    var source: SourceRange
  }

  private enum Hangul {
    static let base: UInt32 = 0xAC00
    static let leads: UInt32 = 0x1100
    static let vowels: UInt32 = 0x1161
    static let tails: UInt32 = 0x11A7
    static let leadCount: UInt32 = 19
    static let vowelCount: UInt32 = 21
    static let tailCount: UInt32 = 28
    static let count: UInt32 = 11172
  }

  private init() {
    var properties = [Properties](repeating: Properties(), count: Self.limit)
    let runs = NormalizationTable.combiningClassRuns
    for (index, run) in runs.enumerated() where run & 0xFF != 0 {
      let end = index + 1 < runs.count ? Int(runs[index + 1] >> 8) : Self.limit
      for scalar in Int(run >> 8)..<min(end, Self.limit) {
        properties[scalar].combiningClass = UInt8(truncatingIfNeeded: run)
        properties[scalar].isUnstableComposed = true
      }
    }
    let entries = PackedTables.decompositions()
    var pool: [UInt32] = []
    var composed: [(composite: UInt32, parts: [UInt32])] = []
    for entry in entries {
      let scalar = Int(entry.scalar)
      let start = UInt16(pool.count)
      pool.append(contentsOf: entry.decomposition)
      if entry.isCanonical {
        properties[scalar].canonicalStart = start
        properties[scalar].canonicalCount = UInt8(entry.decomposition.count)
        if !entry.composes { properties[scalar].isUnstableComposed = true }
        if entry.composes { composed.append((entry.scalar, entry.decomposition)) }
      } else {
        properties[scalar].compatibleStart = start
        properties[scalar].compatibleCount = UInt8(entry.decomposition.count)
      }
    }
    // A composite's first part is what its decomposition but for the last scalar composes to;
    // shorter decompositions first, so that it is there.
    var composites: [UInt64: UInt32] = [:]
    for (composite, parts) in composed.sorted(by: { $0.parts.count < $1.parts.count }) {
      guard var first = parts.first, let last = parts.last, parts.count > 1 else { continue }
      for part in parts.dropFirst().dropLast() {
        first = composites[UInt64(first) << 32 | UInt64(part)] ?? first
      }
      composites[UInt64(first) << 32 | UInt64(last)] = composite
      properties[Int(last)].isUnstableComposed = true
    }
    for index in 1..<Hangul.tailCount {
      properties[Int(Hangul.tails + index)].isUnstableComposed = true
    }
    for index in 0..<Hangul.vowelCount {
      properties[Int(Hangul.vowels + index)].isUnstableComposed = true
    }
    self.properties = properties
    self.pool = pool
    self.composites = composites
  }

  /// Brings `text` into `form`.
  func apply(_ form: Form, to text: inout AlignedText) {
    guard let first = firstUnstable(form, in: text.bytes) else { return }
    var result = AlignedText(tracksSources: text.tracksSources)
    result.reserve(text.bytes.count)
    result.append(0..<first, of: text)
    var units: [Unit] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      var index = first
      while index < bytes.count {
        let (scalar, length) = UTF8Reading.scalar(bytes, at: index)
        let source =
          text.tracksSources
          ? text.source(of: index..<index + length) : SourceRange(lower: 0, upper: 0)
        index += length
        decompose(scalar, form) { part in
          let combiningClass = self.combiningClass(part)
          // A starter that cannot combine with what stands before it closes the stretch.
          if combiningClass == 0, !mayCombineBackward(part) {
            flush(&units, form, into: &result)
          }
          units.append(Unit(scalar: part, combiningClass: combiningClass, source: source))
        }
      }
    }
    flush(&units, form, into: &result)
    text = result
  }

  private func combiningClass(_ scalar: UInt32) -> UInt8 {
    scalar < Self.limit ? properties[Int(scalar)].combiningClass : 0
  }

  private func mayCombineBackward(_ scalar: UInt32) -> Bool {
    scalar < Self.limit && properties[Int(scalar)].isUnstableComposed
  }

  /// The start of the last stable starter before the first scalar that may change; nil if none may.
  private func firstUnstable(_ form: Form, in bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var starter = 0
      var index = 0
      while index < bytes.count {
        if bytes[index] < 0x80 {
          starter = index
          index += 1
          continue
        }
        let (scalar, length) = UTF8Reading.scalar(bytes, at: index)
        if mayChange(scalar, form) { return starter }
        if combiningClass(scalar) == 0 { starter = index }
        index += length
      }
      return nil
    }
  }

  private func mayChange(_ scalar: UInt32, _ form: Form) -> Bool {
    guard scalar < Self.limit else { return false }
    let found = properties[Int(scalar)]
    if found.combiningClass != 0 { return true }
    if form.isCompatible, found.compatibleCount > 0 { return true }
    if form.composes { return found.isUnstableComposed }
    return found.canonicalCount > 0 || scalar &- Hangul.base < Hangul.count
  }

  private func decompose(_ scalar: UInt32, _ form: Form, _ body: (UInt32) -> Void) {
    let syllable = scalar &- Hangul.base
    if syllable < Hangul.count {
      body(Hangul.leads + syllable / (Hangul.vowelCount * Hangul.tailCount))
      body(Hangul.vowels + syllable / Hangul.tailCount % Hangul.vowelCount)
      let tail = syllable % Hangul.tailCount
      if tail > 0 { body(Hangul.tails + tail) }
      return
    }
    guard scalar < Self.limit else { return body(scalar) }
    let found = properties[Int(scalar)]
    if form.isCompatible, found.compatibleCount > 0 {
      let start = Int(found.compatibleStart)
      for part in pool[start..<start + Int(found.compatibleCount)] { body(part) }
    } else if found.canonicalCount > 0 {
      let start = Int(found.canonicalStart)
      for part in pool[start..<start + Int(found.canonicalCount)] { body(part) }
    } else {
      body(scalar)
    }
  }

  /// Orders one stretch canonically, composes it if the form does, and moves it to the result.
  private func flush(_ units: inout [Unit], _ form: Form, into result: inout AlignedText) {
    if units.count > 1 {
      sortMarks(&units)
      if form.composes { compose(&units) }
    }
    for unit in units { result.append(scalar: unit.scalar, source: unit.source) }
    units.removeAll(keepingCapacity: true)
  }

  /// Stable order of every run of marks by combining class.
  private func sortMarks(_ units: inout [Unit]) {
    var start = 0
    while start < units.count {
      if units[start].combiningClass == 0 {
        start += 1
        continue
      }
      var end = start + 1
      while end < units.count, units[end].combiningClass != 0 { end += 1 }
      // Swift's sort is stable in fact but not by promise, hence the position in the key.
      let sorted = units[start..<end].enumerated().sorted {
        ($0.element.combiningClass, $0.offset) < ($1.element.combiningClass, $1.offset)
      }
      for (index, unit) in sorted.enumerated() { units[start + index] = unit.element }
      start = end
    }
  }

  private func compose(_ units: inout [Unit]) {
    var kept: [Unit] = []
    kept.reserveCapacity(units.count)
    var starter: Int?
    for unit in units {
      if let at = starter {
        let blocked =
          at + 1 < kept.count
          && (kept[kept.count - 1].combiningClass == 0
            || kept[kept.count - 1].combiningClass >= unit.combiningClass)
        if !blocked, let composite = composite(kept[at].scalar, unit.scalar) {
          kept[at].scalar = composite
          kept[at].source = kept[at].source.union(unit.source)
          continue
        }
      }
      if unit.combiningClass == 0 { starter = kept.count }
      kept.append(unit)
    }
    units = kept
  }

  private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if first &- Hangul.leads < Hangul.leadCount, second &- Hangul.vowels < Hangul.vowelCount {
      let lead = first - Hangul.leads
      return Hangul.base
        + (lead * Hangul.vowelCount + second - Hangul.vowels) * Hangul.tailCount
    }
    let syllable = first &- Hangul.base
    if syllable < Hangul.count, syllable % Hangul.tailCount == 0,
      second > Hangul.tails, second < Hangul.tails + Hangul.tailCount
    {
      return first + second - Hangul.tails
    }
    return composites[UInt64(first) << 32 | UInt64(second)]
  }
}
