// Numbers: integers and short decimals by exact arithmetic here, the rest by the standard library's
// correctly rounded conversion. The grammar is checked first, so that nothing else reaches it.

extension JSONParser {
  /// More digits than any writer makes; the bound keeps the conversion's time in proportion.
  private static let longestLiteral = 1024

  /// The number that begins at `position`.
  mutating func number() throws -> JSON {
    let start = position
    let negative = bytes[position] == UInt8(ascii: "-")
    if negative { position += 1 }
    var mantissa: UInt64 = 0
    var overflow = false
    if position < bytes.count, bytes[position] == UInt8(ascii: "0") {
      position += 1
      if position < bytes.count, bytes[position].isDigit {
        throw failure("a number that begins with 0 and another digit", at: start)
      }
    } else {
      try digits(into: &mantissa, &overflow)
    }
    var isInteger = true
    var scale = 0
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      let first = position
      try digits(into: &mantissa, &overflow)
      scale = first - position
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      scale += try exponent()
    }
    guard position - start <= Self.longestLiteral else {
      throw failure("a number of more than \(Self.longestLiteral) characters", at: start)
    }
    if isInteger, !overflow, let integer = Int(magnitude: mantissa, negative: negative) {
      return .integer(integer)
    }
    // Both factors are exact in a double, so the one operation rounds correctly.
    if !overflow, mantissa <= 1 << 53, scale.magnitude < powersOfTen.count {
      let factor = powersOfTen[Int(scale.magnitude)]
      let value = scale < 0 ? Double(mantissa) / factor : Double(mantissa) * factor
      return .number(negative ? -value : value)
    }
    let literal = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(literal), value.isFinite else {
      throw failure(
        "\(Excerpt.quoted(literal, limit: 40)) is beyond the range of a double", at: start)
    }
    return .number(value)
  }

  /// Steps over one digit or more.
  private mutating func digits(into mantissa: inout UInt64, _ overflow: inout Bool) throws {
    let first = position
    while position < bytes.count, bytes[position].isDigit {
      let (tens, tooLarge) = mantissa.multipliedReportingOverflow(by: 10)
      let (sum, tooLargeYet) = tens.addingReportingOverflow(UInt64(bytes[position] & 15))
      overflow = overflow || tooLarge || tooLargeYet
      mantissa = sum
      position += 1
    }
    guard position > first else { throw failure("expected a digit, found \(found)") }
  }

  /// The exponent whose `e` is at `position`, held within ±100,000, which is beyond every double.
  private mutating func exponent() throws -> Int {
    position += 1
    var negative = false
    if position < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[position]) {
      negative = bytes[position] == UInt8(ascii: "-")
      position += 1
    }
    var magnitude: UInt64 = 0
    var overflow = false
    try digits(into: &magnitude, &overflow)
    let bounded = overflow ? 100_000 : Int(min(magnitude, 100_000))
    return negative ? -bounded : bounded
  }
}

/// 10⁰ … 10²², which doubles hold exactly.
private let powersOfTen: [Double] = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]

extension UInt8 {
  fileprivate var isDigit: Bool { self &- 0x30 < 10 }
}

extension Int {
  /// Nil where it does not fit, and for −0, which is no integer.
  fileprivate init?(magnitude: UInt64, negative: Bool) {
    if !negative {
      self.init(exactly: magnitude)
    } else if magnitude == 1 << 63 {
      self = .min
    } else if magnitude > 0, let positive = Int(exactly: magnitude) {
      self = -positive
    } else {
      return nil
    }
  }
}
