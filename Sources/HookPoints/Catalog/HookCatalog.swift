// HookCatalog: which hook points one model has, how their values are laid out, and why others are missing.
// The model's code builds it from the architecture; this module knows nothing else of a model. All text
// that names a hook becomes a HookName here, in HookCatalog+Resolve.swift.

/// The hook points of one model.
public struct HookCatalog: Sendable, Equatable {
  /// One hook point: its name and how a value is laid out.
  public struct Entry: Sendable, Equatable {
    /// With its layer, such as `blocks.3.attn.hook_z`.
    public let name: HookName
    /// The axes of the recorded tensor, outermost first: `[tokens, heads, headWidth]`.
    public let axes: [Axis]
    /// The sizes of the axes that belong to the model, in order: `[12, 64]` for the example above.
    public let widths: [Int]

    /// - Parameters:
    ///   - name: with its layer.
    ///   - axes: starts with `tokens` or `sequences`, or is `heads, queries, keys`.
    ///   - widths: one for each axis that is not tokens, sequences, queries or keys.
    public init(name: HookName, axes: [Axis], widths: [Int]) {
      let fixed = axes.filter(\.isFixed)
      precondition(
        fixed.count == widths.count && widths.allSatisfy { $0 > 0 },
        "\(name): widths \(widths) for the axes \(fixed.map(\.rawValue))")
      precondition(
        axes.first == .tokens || axes.first == .sequences || axes == [.heads, .queries, .keys],
        "\(name): axes \(axes.map(\.rawValue)) start with neither tokens nor sequences")
      self.name = name
      self.axes = axes
      self.widths = widths
    }
  }

  /// What a missing hook point is missing from: every block, or one place.
  public enum Place: Hashable, Sendable {
    case everyBlock(BlockPoint)
    case only(HookName)
  }

  /// The model's name, for messages.
  public let model: String
  /// The hook points, in firing order.
  public let entries: [Entry]
  /// Why others that the field knows are missing, in words that follow a colon.
  public let absent: [Place: String]
  /// The number of blocks.
  public let layers: Int
  private let index: [HookName: Int]

  /// - Parameters:
  ///   - model: its name, for messages.
  ///   - entries: every hook point, each once; every block has at least one.
  ///   - absent: reasons such as "parallel blocks have no hook_resid_mid: attention and MLP read the same input". A
  ///     name with its own reason takes precedence over its point.
  public init(model: String, entries: [Entry], absent: [Place: String] = [:]) {
    self.model = model
    self.entries = entries.sorted { $0.name < $1.name }
    self.absent = absent
    var index: [HookName: Int] = [:]
    var layers = 0
    for (place, entry) in self.entries.enumerated() {
      precondition(index[entry.name] == nil, "\(entry.name) is twice in the catalog of \(model)")
      index[entry.name] = place
      if let layer = entry.name.layer {
        precondition(layer >= 0, "\(entry.name): a negative layer in the catalog of \(model)")
        layers = max(layers, layer + 1)
      }
    }
    self.index = index
    self.layers = layers
  }

  /// Whether the model has this hook point.
  public func contains(_ name: HookName) -> Bool { index[name] != nil }

  /// How values at a hook point are laid out.
  ///
  /// - Throws: `HookError.layerOutOfRange`, or `.absent` with the reason.
  public func entry(_ name: HookName) throws -> Entry {
    if let place = index[name] { return entries[place] }
    if let layer = name.layer, layer < 0 || layer >= layers {
      throw HookError.layerOutOfRange(
        text: name.description, layer: layer, layers: layers, model: model)
    }
    throw HookError.absent(name: name.description, model: model, reason: reason(name))
  }

  /// Why a hook point is missing.
  package func reason(_ name: HookName) -> String {
    if let reason = absent[.only(name)] { return reason }
    if let point = name.point, let reason = absent[.everyBlock(point)] { return reason }
    return "nothing in this architecture computes it"
  }
}

extension HookCatalog.Entry {
  /// What one row of the values belongs to.
  public var rowKind: RowKind {
    switch axes[0] {
    case .tokens: .token
    case .sequences: .sequence
    default: .query
    }
  }

  /// The number of heads a HeadSelector can choose from, or nil.
  public var heads: Int? {
    zip(axes.filter(\.isFixed), widths).first { $0.0.countsHeads }?.1
  }

  /// The numbers of a whole row; of scores and patterns one for every head, over which keys come.
  public var width: Int { widths.reduce(1, *) }

  /// The numbers of one head in a row (of the whole row without heads); nil where keys count them.
  public var headWidth: Int? {
    switch rowKind {
    case .query: nil
    case .token, .sequence: width / (heads ?? 1)
    }
  }
}

extension HookCatalog.Entry: CustomStringConvertible {
  /// The name and the axes with the sizes that belong to the model:
  /// `blocks.0.attn.hook_q [tokens, heads=12, headWidth=64]`.
  public var description: String {
    var widths = widths[...]
    let shape = axes.map { axis in
      axis.isFixed ? "\(axis.rawValue)=\(widths.removeFirst())" : axis.rawValue
    }
    return "\(name) [" + shape.joined(separator: ", ") + "]"
  }
}
