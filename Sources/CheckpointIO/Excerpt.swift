// How text from a file appears inside a message: quoted, shortened, control characters written out.
// Not an escape that can be read back.

/// Text from outside, made fit for a message of one line.
package enum Excerpt {
  /// `text` between single quotes, at most `limit` characters of it.
  package static func quoted(_ text: String, limit: Int = 80) -> String {
    var result = "'"
    var count = 0
    for scalar in text.unicodeScalars {
      guard count < limit else {
        result += "…"
        break
      }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
        .unassigned:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default:
        result.unicodeScalars.append(scalar)
      }
      count += 1
    }
    return result + "'"
  }

  /// `text` as one line of at most `limit` characters, for a message whose parts come from anywhere.
  package static func line(_ text: String, limit: Int = 2000) -> String {
    String(quoted(text, limit: limit).dropFirst().dropLast())
  }

  /// One byte of a file: the character where it is printable ASCII, else its value.
  static func byte(_ byte: UInt8) -> String {
    switch byte {
    case 0x27: "\"'\""
    case 0x20..<0x7F: "'\(Character(Unicode.Scalar(byte)))'"
    default: "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
  }
}
