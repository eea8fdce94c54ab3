// Unpacks the generated tables that are stored as text; their formats stand beside them.

struct Decomposition {
  var scalar: UInt32
  var decomposition: [UInt32]
  var isCanonical: Bool
  /// Whether NFC gives the scalar back.
  var composes: Bool
}

enum PackedTables {
  static func decompositions() -> [Decomposition] {
    var reader = VarintReader(bytes: base64(NormalizationTable.decompositions))
    var entries: [Decomposition] = []
    entries.reserveCapacity(NormalizationTable.decompositionCount)
    var scalar: UInt32 = 0
    for _ in 0..<NormalizationTable.decompositionCount {
      scalar += reader.next()
      let header = reader.next()
      var last = scalar
      let parts = (0..<header >> 2).map { _ in
        last = last &+ reader.nextDifference()
        return last
      }
      entries.append(
        Decomposition(
          scalar: scalar, decomposition: parts, isCanonical: header & 1 != 0,
          composes: header & 2 != 0))
    }
    return entries
  }

  /// The scalars that have a lower case of one scalar.
  static func lowercase() -> [UInt32: UInt32] {
    var reader = VarintReader(bytes: base64(NormalizationTable.lowercase))
    var scalar: UInt32 = 0
    var mappings: [UInt32: UInt32] = [:]
    mappings.reserveCapacity(NormalizationTable.lowercaseCount)
    for _ in 0..<NormalizationTable.lowercaseCount {
      scalar += reader.next()
      mappings[scalar] = scalar &+ reader.nextDifference()
    }
    return mappings
  }

  private struct VarintReader {
    let bytes: [UInt8]
    var position = 0

    mutating func next() -> UInt32 {
      var value: UInt32 = 0
      var shift: UInt32 = 0
      while true {
        let byte = bytes[position]
        position += 1
        value |= UInt32(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }

    /// A zigzag number, modulo 2^32.
    mutating func nextDifference() -> UInt32 {
      let zigzag = next()
      return (zigzag >> 1) ^ (0 &- (zigzag & 1))
    }
  }

  private static func base64(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 4 * 3)
    var bits: UInt32 = 0
    var count = 0
    for character in text.utf8 {
      let value: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - 71
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character + 4
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: continue  // the padding
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }
}
