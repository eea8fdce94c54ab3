// Miniatures: an architecture of the same layers, heads, vocabulary and arithmetic whose widths are a few numbers. A
// rehearsal runs a probe's own code on it, and every pass says what it would be at full size; no weight is touched.

import HookPoints
import TensorCore

extension Architecture {
  /// The same with widths of a few numbers, standing for this one.
  package var miniature: Architecture {
    func small(_ shape: AttentionShape) -> AttentionShape {
      var own = shape
      (own.headWidth, own.valueWidth) = (Self.miniatureHead, Self.miniatureHead)
      own.rotary = shape.rotary.map(small)
      return own
    }
    func small(_ rotary: Rotary) -> Rotary {
      var own = rotary
      own.dimensions = Self.miniatureHead
      return own
    }
    var mini = self
    (mini.modelWidth, mini.mlpWidth) = (Self.miniatureWidth, Self.miniatureWidth)
    (mini.headWidth, mini.valueWidth) = (Self.miniatureHead, Self.miniatureHead)
    mini.attentionShapes = attentionShapes.mapValues(small)
    mini.positions =
      switch positions {
      case .none, .learned, .sinusoidal: positions
      case .rotary(let rotary): .rotary(small(rotary))
      case .rotaryByLayer(let layers): .rotaryByLayer(layers.map(small))
      }
    mini.attention = attention.map { kind in
      guard case .linear(var linear) = kind, case .gated(_, let temper, let least) = linear.update
      else { return kind }
      linear.update = .gated(rank: 1, temper: temper, least: least)
      return .linear(linear)
    }
    mini.fullSize = FullSize(self)
    return mini
  }

  /// What this one stands for, in a rehearsal; itself elsewhere.
  public var atFullSize: Architecture { fullSize.map(\.architecture) ?? self }

  /// The bytes that a token's activations take while it passes the blocks, and what it leaves behind as a prefix.
  public var activationBytesPerToken: Int {
    let table = fullSize.map(\.table) ?? WorkTable(self)
    let pass = table.work(of: PassShape(members: [(0, 64, 0)], stop: layers, logits: 0))
    return (pass.bytes + table.prefixBytes(tokens: 64)) / 64
  }

  private static let miniatureWidth = 8
  private static let miniatureHead = 2
}

/// What a miniature stands for.
public final class FullSize: Sendable, Equatable {
  /// The architecture as its checkpoint says.
  public let architecture: Architecture
  let table: WorkTable
  let catalog: HookCatalog

  init(_ architecture: Architecture) {
    self.architecture = architecture
    table = WorkTable(architecture)
    catalog = architecture.hookCatalog(model: "")
  }

  public static func == (left: FullSize, right: FullSize) -> Bool {
    left.architecture == right.architecture
  }

  /// What one block of it is.
  func block(_ layer: Int) -> FullSize { FullSize(architecture.block(layer)) }
}

extension ForwardPass {
  /// Tells a meter of the tokens of this pass, and that of a rehearsal what it would be at full size.
  ///
  /// - Parameter tape: of a pass with gradients, whose are wanted.
  func report(
    stopAt stop: Int?, logits: Int, _ tape: (parameters: Set<String>, hooks: [HookName])?
  ) {
    guard let meter = model.context.rehearsal, let full = architecture.fullSize else {
      model.context.meter?.add(Work(tokens: order.rowOf.count))
      return
    }
    let members = order.members.map {
      (firstLayer: $0.sequence.firstLayer, count: $0.sequence.count, past: $0.past)
    }
    let rows = members.filter { $0.firstLayer < architecture.layers }.reduce(0) { $0 + $1.count }
    meter.add(
      full.table.work(
        of: PassShape(
          members: members, stop: stop ?? architecture.layers,
          lateRows: hooks.lateRows.map { $0.count { $0 < rows } }, logits: logits,
          skipsLastMixing: keepsMemory && hooks.lateRows == [], wants: hooks.wants,
          gradients: tape)))
  }

  /// In a rehearsal, the memory of what a pass gives back.
  func held(logits: Int) -> HeldMemory? {
    guard let meter = model.context.rehearsal, let full = architecture.fullSize else { return nil }
    let numbers = hooks.counts.counts.reduce(logits * architecture.vocabulary) { sum, fired in
      sum + fired.value.reads * full.width(fired.key, keys: positions.count)
    }
    return HeldMemory(4 * numbers, in: meter)
  }
}

extension Transformer {
  /// In a rehearsal, the memory of the keys and values, or states, of some tokens.
  func heldPrefix(_ tokens: Int) -> HeldMemory? {
    guard let meter = context.rehearsal, let full = architecture.fullSize else { return nil }
    return HeldMemory(full.table.prefixBytes(tokens: tokens), in: meter)
  }
}

extension FullSize {
  /// The numbers in a row of a hook point; of scores and patterns at most so many keys a head.
  fileprivate func width(_ hook: HookName, keys: Int) -> Int {
    guard let entry = try? catalog.entry(hook) else { return 0 }
    return entry.rowKind == .query ? entry.width * keys : entry.width
  }
}
