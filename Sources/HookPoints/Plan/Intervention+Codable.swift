// The written form of an intervention, made to be typed by hand:
//   {"hook": "blocks.3.hook_resid_post", "position": "last", "action": "add", "values": [0.5, 1], "scale": 2}
//   {"hook": "z.*", "position": "arrow[-1]", "sequence": [0, 2], "head": 4, "action": "zero"}
//   {"hook": "resid_post.2", "position": "last", "action": "mean", "of": {"sequence": 1, "position": "last"}}

extension Intervention: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case hook, sequence, position, head, action, values, scale, of
  }

  private enum Verb: String, CaseIterable {
    case replace, add, scale, zero, mean

    /// The keys beside hook, sequence, position, head and action.
    var keys: [Key] {
      switch self {
      case .replace: [.values]
      case .add: [.values, .scale]
      case .scale: [.scale]
      case .zero: []
      case .mean: [.of]
      }
    }
  }

  public init(from decoder: any Decoder) throws {
    let subject = "intervention"
    try rejectUnknownKeys(decoder, known: Key.allCases.map(\.rawValue), subject: subject)
    let container = try decoder.container(keyedBy: Key.self)
    func required<Value: Decodable>(_ key: Key) throws -> Value {
      guard container.contains(key) else {
        throw HookError.missingKey(key: key.rawValue, subject: subject)
      }
      return try container.decode(Value.self, forKey: key)
    }

    hook = try required(.hook)
    positions = try required(.position)
    sequences = try container.decodeIfPresent(SequenceSelector.self, forKey: .sequence) ?? .all
    heads = try container.decodeIfPresent(HeadSelector.self, forKey: .head) ?? .all
    let text: String = try required(.action)
    guard let verb = Verb(rawValue: text) else {
      throw HookError.unknownAction(
        text: text, nearest: nearest(to: text, among: Verb.allCases.map(\.rawValue)))
    }
    for key in [Key.values, .scale, .of] where container.contains(key) && !verb.keys.contains(key) {
      throw HookError.meaninglessKey(key: key.rawValue, action: text)
    }
    switch verb {
    case .replace: action = .replace(try required(.values))
    case .add:
      let scale = try container.decodeIfPresent(Double.self, forKey: .scale)
      action = .add(try required(.values), scaled: scale ?? 1)
    case .scale: action = .scale(try required(.scale))
    case .zero: action = .zero
    case .mean: action = .mean(of: try required(.of))
    }
  }

  /// - Throws: `HookError.customNotEncodable` for a closure.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    func write(_ verb: Verb) throws { try container.encode(verb.rawValue, forKey: .action) }

    try container.encode(hook, forKey: .hook)
    try container.encode(positions, forKey: .position)
    if sequences != .all { try container.encode(sequences, forKey: .sequence) }
    if heads != .all { try container.encode(heads, forKey: .head) }
    switch action {
    case .replace(let values):
      try write(.replace)
      try container.encode(values, forKey: .values)
    case .add(let values, let scale):
      try write(.add)
      try container.encode(values, forKey: .values)
      if scale != 1 { try container.encode(scale, forKey: .scale) }
    case .scale(let factor):
      try write(.scale)
      try container.encode(factor, forKey: .scale)
    case .zero: try write(.zero)
    case .mean(let source):
      try write(.mean)
      try container.encode(source, forKey: .of)
    case .custom(let edit): throw HookError.customNotEncodable(label: edit.label)
    }
  }
}
