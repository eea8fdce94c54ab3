// HookName: one hook point of a model, layer included; what text becomes at the edge.
// It is canonical: two names are equal exactly when they mean the same activation. Aliases, wildcards and
// negative layers exist in text only and are resolved by HookCatalog.resolve(_:).

/// A hook point: a place of the forward pass whose activation can be read or written.
public enum HookName: Hashable, Sendable {
  /// Token embeddings before positions are added: `hook_embed`, `[T, D]`.
  case embed
  /// Learned or sinusoidal positions: `hook_pos_embed`, `[T, D]`.
  case positionEmbed
  /// A point of block `layer` (0-based): `blocks.{layer}.…`.
  case block(Int, BlockPoint)
  /// The denominator of the final norm: `ln_final.hook_scale`, `[T, 1]`.
  case finalScale
  /// The final norm before its gain: `ln_final.hook_normalized`, `[T, D]`.
  case finalNormalized
}

extension HookName {
  /// The block, or nil outside the blocks.
  public var layer: Int? {
    if case .block(let layer, _) = self { layer } else { nil }
  }

  /// The point within its block, or nil outside the blocks.
  public var point: BlockPoint? {
    if case .block(_, let point) = self { point } else { nil }
  }

  /// The place in the table of a model with `layers` blocks, in firing order.
  package func slot(layers: Int) -> Int {
    switch self {
    case .embed: 0
    case .positionEmbed: 1
    case .block(let layer, let point): 2 + layer * BlockPoint.count + point.ordinal
    case .finalScale: 2 + layers * BlockPoint.count
    case .finalNormalized: 3 + layers * BlockPoint.count
    }
  }
}

extension HookName: Comparable {
  private var order: (Int, Int, Int) {
    switch self {
    case .embed: (0, 0, 0)
    case .positionEmbed: (0, 0, 1)
    case .block(let layer, let point): (1, layer, point.ordinal)
    case .finalScale: (2, 0, 0)
    case .finalNormalized: (2, 0, 1)
    }
  }

  /// Firing order.
  public static func < (left: HookName, right: HookName) -> Bool { left.order < right.order }
}

extension HookName: CustomStringConvertible {
  /// The TransformerLens name, such as `blocks.3.attn.hook_z`.
  public var description: String {
    switch self {
    case .embed: "hook_embed"
    case .positionEmbed: "hook_pos_embed"
    case .block(let layer, let point): "blocks.\(layer).\(point.rawValue)"
    case .finalScale: "ln_final.hook_scale"
    case .finalNormalized: "ln_final.hook_normalized"
    }
  }

  /// The hook of exactly this name; nil for an alias, a wildcard or anything else.
  public init?(canonical text: String) {
    switch text {
    case "hook_embed": self = .embed
    case "hook_pos_embed": self = .positionEmbed
    case "ln_final.hook_scale": self = .finalScale
    case "ln_final.hook_normalized": self = .finalNormalized
    default:
      let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[0] == "blocks",
        let layer = Int(parts[1]), layer >= 0, String(layer) == parts[1],
        let point = BlockPoint(rawValue: String(parts[2]))
      else { return nil }
      self = .block(layer, point)
    }
  }
}

extension HookName: Codable {
  /// Reads a canonical name. Plans, which may say more, read a `HookReference`.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let name = HookName(canonical: text) else { throw HookError.notCanonical(text: text) }
    self = name
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
