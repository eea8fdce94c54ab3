// SequenceSelector and HeadSelector: which sequences of a batch, which heads of a layer. One set of rules
// serves both; they are two types so that a head is never taken for a sequence.

/// Which sequences of the batch a read or an edit is about, in the order of the batch, 0-based.
public enum SequenceSelector: Hashable, Sendable {
  /// Every sequence that exists at the hook.
  case all
  case index(Int)
  case indices([Int])
}

/// Which heads a read or an edit is about, 0-based; key/value heads at `hook_k` and `hook_v`.
public enum HeadSelector: Hashable, Sendable {
  case all
  case index(Int)
  case indices([Int])
}

extension SequenceSelector {
  /// The indices asked for, or nil for all.
  package var named: [Int]? {
    switch self {
    case .all: nil
    case .index(let index): [index]
    case .indices(let indices): indices
    }
  }
}

extension HeadSelector {
  /// The indices asked for, or nil for all.
  package var named: [Int]? {
    switch self {
    case .all: nil
    case .index(let index): [index]
    case .indices(let indices): indices
    }
  }
}

extension SequenceSelector: CustomStringConvertible {
  public var description: String { IndexForm(self).description }
}

extension HeadSelector: CustomStringConvertible {
  public var description: String { IndexForm(self).description }
}

extension SequenceSelector: Codable {
  /// Reads `"all"`, `3` or `[0, 2]`.
  public init(from decoder: any Decoder) throws {
    switch try IndexForm(from: decoder, key: "sequence") {
    case .all: self = .all
    case .one(let index): self = .index(index)
    case .several(let indices): self = .indices(indices)
    }
  }

  public func encode(to encoder: any Encoder) throws { try IndexForm(self).encode(to: encoder) }
}

extension HeadSelector: Codable {
  /// Reads `"all"`, `3` or `[0, 2]`.
  public init(from decoder: any Decoder) throws {
    switch try IndexForm(from: decoder, key: "head") {
    case .all: self = .all
    case .one(let index): self = .index(index)
    case .several(let indices): self = .indices(indices)
    }
  }

  public func encode(to encoder: any Encoder) throws { try IndexForm(self).encode(to: encoder) }
}

/// The written form that both selectors share.
private enum IndexForm {
  case all
  case one(Int)
  case several([Int])

  init(_ selector: SequenceSelector) {
    switch selector {
    case .all: self = .all
    case .index(let index): self = .one(index)
    case .indices(let indices): self = .several(indices)
    }
  }

  init(_ selector: HeadSelector) {
    switch selector {
    case .all: self = .all
    case .index(let index): self = .one(index)
    case .indices(let indices): self = .several(indices)
    }
  }

  init(from decoder: any Decoder, key: String) throws {
    let container = try decoder.singleValueContainer()
    if let index = try? container.decode(Int.self) {
      self = .one(index)
    } else if let indices = try? container.decode([Int].self) {
      self = .several(indices)
    } else if let text = try? container.decode(String.self), text == "all" {
      self = .all
    } else {
      throw HookError.badSelector(key: key)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .all: try container.encode("all")
    case .one(let index): try container.encode(index)
    case .several(let indices): try container.encode(indices)
    }
  }

  var description: String {
    switch self {
    case .all: "all"
    case .one(let index): "\(index)"
    case .several(let indices): "\(indices)"
    }
  }
}
