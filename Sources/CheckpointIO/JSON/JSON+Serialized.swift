// The writer: the same value gives the same bytes, in the order of the keys.
// Reading what it writes gives the value back, except that NaN and infinities, which JSON lacks, are null.

extension JSON {
  /// The value as JSON text, without a newline at the end.
  ///
  /// Doubles take the shortest form that reads back to the same double, with a point or an exponent, so
  /// that they stay numbers; NaN and infinities are written as `null`.
  /// - Parameter pretty: a line for each member and element, indented by two spaces; else no space at all.
  public func serialized(pretty: Bool) -> String {
    var text: [UInt8] = []
    append(to: &text, pretty: pretty, indent: 0)
    return String(decoding: text, as: UTF8.self)
  }

  private func append(to text: inout [UInt8], pretty: Bool, indent: Int) {
    switch self {
    case .null: text.append(contentsOf: "null".utf8)
    case .boolean(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): text.append(contentsOf: String(value).utf8)
    case .number(let value):
      text.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
    case .string(let value): Self.append(value, to: &text)
    case .array(let elements):
      Self.append(
        elements, between: "[", and: "]", to: &text, pretty: pretty, indent: indent
      ) { element, text in
        element.append(to: &text, pretty: pretty, indent: indent + 1)
      }
    case .object(let members):
      Self.append(
        members, between: "{", and: "}", to: &text, pretty: pretty, indent: indent
      ) { member, text in
        Self.append(member.0, to: &text)
        text.append(contentsOf: (pretty ? ": " : ":").utf8)
        member.1.append(to: &text, pretty: pretty, indent: indent + 1)
      }
    }
  }

  private static func append<Items: Sequence>(
    _ items: Items, between opening: String, and closing: String, to text: inout [UInt8],
    pretty: Bool, indent: Int, each: (Items.Element, inout [UInt8]) -> Void
  ) {
    func newline(_ indent: Int) {
      guard pretty else { return }
      text.append(0x0A)
      text.append(contentsOf: repeatElement(0x20, count: indent * 2))
    }
    text.append(contentsOf: opening.utf8)
    var isFirst = true
    for item in items {
      if !isFirst { text.append(UInt8(ascii: ",")) }
      newline(indent + 1)
      each(item, &text)
      isFirst = false
    }
    if !isFirst { newline(indent) }
    text.append(contentsOf: closing.utf8)
  }

  private static func append(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): text.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): text.append(contentsOf: "\\\\".utf8)
      case 0x0A: text.append(contentsOf: "\\n".utf8)
      case 0x0D: text.append(contentsOf: "\\r".utf8)
      case 0x09: text.append(contentsOf: "\\t".utf8)
      case ..<0x20:
        text.append(contentsOf: (byte < 16 ? "\\u000" : "\\u00").utf8)
        text.append(contentsOf: String(byte, radix: 16).utf8)
      default: text.append(byte)
      }
    }
    text.append(UInt8(ascii: "\""))
  }
}
