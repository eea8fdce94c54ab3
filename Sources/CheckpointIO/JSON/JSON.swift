// A JSON value (RFC 8259), as the checkpoint's, the tokenizer's and the run's files hold it.
// Strings and keys are compared by their bytes: two tokens of a vocabulary that differ in Unicode
// normalisation alone are two tokens, although Swift's `String` holds them equal.

/// A JSON value.
///
/// A number without fraction and exponent that fits in 64 bits is an `integer`; every other number is a
/// `number`, rounded to the nearest double. So `1e4` and `1.0` are numbers, and so is an integer beyond
/// 64 bits (tokenizer_config.json writes 10³⁰ for "no limit"); `-0` is the number −0.0.
public enum JSON: Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  indirect case object(JSONObject)
}

extension JSON: Equatable {
  /// The same kind and the same contents, strings by their bytes, objects with their order of keys.
  public static func == (left: JSON, right: JSON) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }
}

extension JSON {
  /// Whether this is `null`; an absent key has no value at all.
  public var isNull: Bool {
    if case .null = self { true } else { false }
  }

  /// The truth value; nil for any other kind.
  public var boolValue: Bool? {
    if case .boolean(let value) = self { value } else { nil }
  }

  /// The value of an integer; nil for `1.0`, which is a number.
  public var intValue: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  /// The value of a number or of an integer (rounded to the nearest double).
  public var doubleValue: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }

  /// The string; nil for any other kind.
  public var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The elements; nil for any other kind.
  public var arrayValue: [JSON]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The members; nil for any other kind.
  public var objectValue: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }

  /// The value under `key`; nil when it is absent or this is not an object.
  public subscript(key: String) -> JSON? { objectValue?[key] }

  /// What a message calls this value: its kind, with the value where it is short.
  package var summary: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "the boolean \(value)"
    case .integer(let value): "the integer \(value)"
    case .number(let value): "the number \(value)"
    case .string(let value): "the string \(Excerpt.quoted(value, limit: 40))"
    case .array(let value): "an array of \(value.count)"
    case .object(let value): "an object of \(value.count) keys"
    }
  }
}

extension String {
  /// Equality of the UTF-8 bytes, where `==` is canonical equivalence.
  package func hasSameBytes(as other: String) -> Bool {
    let (left, right) = (utf8, other.utf8)
    return left.count == right.count && left.elementsEqual(right)
  }
}
