// PositionSelector: which positions of a sequence a read or an edit is about. Positions are absolute: a
// shared prefix counts. It is a value to print and to write in a file; resolving it needs a SequenceShape.

/// The positions of a sequence that a read or an edit is about.
public enum PositionSelector: Hashable, Sendable {
  /// The sequence's last token.
  case last
  /// Every own token of the sequence. The tokens of a shared prefix are not recomputed and not meant.
  case all
  /// One position, counted from the start of the whole sequence, a shared prefix included; a negative one
  /// counts from its end.
  case index(Int)
  /// The tokens with a role: the one of this index (negative: from the end), or with nil every one.
  case role(Role, Int?)
}

extension PositionSelector: CustomStringConvertible {
  /// The form that files use: `last`, `all`, `3`, `-2`, `arrow[1]`, `query`.
  public var description: String {
    switch self {
    case .last: "last"
    case .all: "all"
    case .index(let index): "\(index)"
    case .role(let role, nil): role.rawValue
    case .role(let role, let index?): "\(role.rawValue)[\(index)]"
    }
  }

  /// Reads `last`, `all`, `3`, `-2`, `arrow[1]`, `label[-1]`, `query`.
  ///
  /// - Throws: `HookError.unknownPosition` with the nearest word.
  public init(parsing text: String) throws {
    if text == "last" {
      self = .last
    } else if text == "all" {
      self = .all
    } else if let index = Int(text), !text.hasPrefix("+") {
      self = .index(index)
    } else if let role = Role(rawValue: text) {
      self = .role(role, nil)
    } else if text.hasSuffix("]"), let bracket = text.firstIndex(of: "["),
      let role = Role(rawValue: String(text[..<bracket])),
      let index = Int(text[text.index(after: bracket)...].dropLast()),
      !text[text.index(after: bracket)...].hasPrefix("+")
    {
      self = .role(role, index)
    } else {
      let word = text.prefix { $0 != "[" }
      let words = ["last", "all"] + Role.allCases.map(\.rawValue)
      throw HookError.unknownPosition(text: text, nearest: nearest(to: String(word), among: words))
    }
  }
}

extension PositionSelector: Codable {
  /// Reads an integer or the text form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let index = try? container.decode(Int.self) {
      self = .index(index)
    } else {
      self = try PositionSelector(parsing: container.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if case .index(let index) = self {
      try container.encode(index)
    } else {
      try container.encode(description)
    }
  }
}
