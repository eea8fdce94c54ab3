// ResolvedPlan: a plan after it has met its model and its batch: for each hook the rows to record and the
// edits to make. The engine looks hooks up by name in constant time; nothing is left to check or to guess.

/// What the engine does at each hook of one forward pass.
///
/// Rows are indices into the whole ragged batch: the own tokens of all sequences, in batch order, those of
/// sequences that join at a later layer included. Where `firstLayer` never decreases along the batch, the
/// rows that exist at a layer are the first ones. At `attn.hook_ssm_state_initial` a row is a sequence.
public struct ResolvedPlan: Sendable {
  /// The plan this came from.
  public let plan: HookPlan
  /// The extents of the sequences, in batch order.
  public let sequences: [SequenceShape]
  /// The hooks at which there is something to do, in firing order.
  public let hooks: [HookName]

  private let layers: Int
  /// The row of each sequence's first own token, and after the last one the number of rows.
  private let starts: [Int]
  /// By `HookName.slot(layers:)`; empty for an empty plan.
  private let slots: [ResolvedHook?]

  init(
    plan: HookPlan, layers: Int, sequences: [SequenceShape], work: [(HookName, ResolvedHook)]
  ) {
    self.plan = plan
    self.layers = layers
    self.sequences = sequences
    starts = sequences.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    hooks = work.map(\.0)
    guard !work.isEmpty else {
      slots = []
      return
    }
    var slots = [ResolvedHook?](
      repeating: nil, count: HookName.finalNormalized.slot(layers: layers) + 1)
    for (name, hook) in work { slots[name.slot(layers: layers)] = hook }
    self.slots = slots
  }

  /// What to do at a hook; nil for nothing.
  public subscript(name: HookName) -> ResolvedHook? {
    if slots.isEmpty { return nil }
    let slot = name.slot(layers: layers)
    return slots.indices.contains(slot) ? slots[slot] : nil
  }

  /// Whether there is nothing to do anywhere.
  public var isEmpty: Bool { hooks.isEmpty }

  /// The last hook needed; a run that wants no logits may stop after it.
  public var lastHook: HookName? { hooks.last }

  /// Whether nothing is changed.
  public var readsOnly: Bool { plan.interventions.isEmpty }

  /// The tokens of the batch.
  public var rowCount: Int { starts[starts.count - 1] }

  /// The row of a sequence's first own token.
  public func firstRow(ofSequence sequence: Int) -> Int { starts[sequence] }

  /// Which token a row is.
  public func address(ofRow row: Int) -> RowAddress {
    precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
    var low = 0
    var high = sequences.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= row { low = middle } else { high = middle }
    }
    return RowAddress(sequence: low, position: sequences[low].past + row - starts[low])
  }
}

/// Which token, or which sequence, a recorded row belongs to.
public struct RowAddress: Hashable, Codable, Sendable {
  /// The sequence's place in the batch.
  public let sequence: Int
  /// The absolute position, a shared prefix counted; nil where a row is a whole sequence.
  public let position: Int?

  public init(sequence: Int, position: Int?) {
    self.sequence = sequence
    self.position = position
  }
}

/// What to do at one hook.
public struct ResolvedHook: Sendable, Equatable {
  /// The rows to record, ascending, each once; empty for none.
  public let readRows: [Int]
  /// The edits, in the order of the plan; all come before the recording.
  public let edits: [ResolvedEdit]

  /// Every row whose value is needed here, ascending, each once: read, changed, or taken into a mean.
  public var rows: [Int] {
    ascendingOnce(
      readRows
        + edits.flatMap { edit in
          if case .mean(let sources) = edit.action { edit.rows + sources } else { edit.rows }
        })
  }
}

/// One intervention at one hook.
public struct ResolvedEdit: Sendable, Equatable {
  /// The rows to change, ascending, each once; at least one.
  public let rows: [Int]
  /// The heads to change, in the order of the values; nil for the whole width.
  public let heads: [Int]?
  /// What is done to the rows.
  public let action: ResolvedAction
  /// The index in the plan's interventions, for fire counts.
  public let intervention: Int

  package init(rows: [Int], heads: [Int]?, action: ResolvedAction, intervention: Int) {
    self.rows = rows
    self.heads = heads
    self.action = action
    self.intervention = intervention
  }
}

/// What to do to the rows of an edit.
///
/// A row of values holds the chosen heads one after the other (all heads if none are chosen; the whole width
/// where there are no heads); at scores and patterns each head's part has one number per key.
public enum ResolvedAction: Sendable, Equatable {
  /// One row for all rows of the edit, or one for each.
  case replace([[Float]])
  case add([[Float]], Double)
  case scale(Double)
  case zero
  /// The mean of these rows at the same hook and heads, as they are before this edit.
  case mean(rows: [Int])
  case custom(CustomEdit)
}
