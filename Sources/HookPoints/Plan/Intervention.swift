// Intervention: a change of activations, as a value: what is done, at which hook, to which sequences,
// positions and heads. It changes nothing by itself; a plan of them is an argument of a forward pass.

/// What an intervention does to the values it selects.
public enum InterventionAction: Equatable, Sendable {
  /// Puts the values in place of the activation.
  case replace(HookValues)
  /// Adds the values, scaled.
  case add(HookValues, scaled: Double)
  /// Multiplies by a number.
  case scale(Double)
  /// Puts zeros.
  case zero
  /// Puts the mean of rows of the same batch at the same hook (and the same heads), as they are before this
  /// intervention and after the earlier ones of the plan.
  case mean(of: RowSelector)
  /// Calls a closure of a library user.
  case custom(CustomEdit)
}

/// A change that only code can say. Equal by label; it cannot be written to a file or differentiated.
public struct CustomEdit: Sendable, Equatable, CustomStringConvertible {
  /// What it does, for outputs; two edits of one label are taken for the same.
  public let label: String
  /// Changes the selected part of one row: the chosen heads one after the other, or the whole width.
  public let body: @Sendable (inout [Float]) -> Void

  /// - Parameters:
  ///   - label: what it does; not empty.
  ///   - body: changes the numbers of one row in place, as many as there are.
  public init(label: String, body: @escaping @Sendable (inout [Float]) -> Void) {
    precondition(!label.isEmpty, "a custom edit needs a label")
    self.label = label
    self.body = body
  }

  public static func == (left: CustomEdit, right: CustomEdit) -> Bool { left.label == right.label }

  public var description: String { label }
}

/// A change of activations at a hook.
public struct Intervention: Equatable, Sendable {
  /// Where.
  public var hook: HookReference
  /// Which sequences of the batch.
  public var sequences: SequenceSelector
  /// Which positions of each; absolute, a shared prefix counts.
  public var positions: PositionSelector
  /// Which heads, at hook points that have them.
  public var heads: HeadSelector
  /// What is done there.
  public var action: InterventionAction

  public init(
    hook: HookReference, sequences: SequenceSelector = .all, positions: PositionSelector,
    heads: HeadSelector = .all, action: InterventionAction
  ) {
    self.hook = hook
    self.sequences = sequences
    self.positions = positions
    self.heads = heads
    self.action = action
  }
}

extension Intervention: CustomStringConvertible {
  /// Such as `add 2 × [0.5, 1] at blocks.3.hook_resid_post, position last`.
  public var description: String {
    var text = "\(action) at \(hook), position \(positions)"
    if sequences != .all { text += ", sequence \(sequences)" }
    if heads != .all { text += ", head \(heads)" }
    return text
  }
}

extension InterventionAction: CustomStringConvertible {
  public var description: String {
    switch self {
    case .replace(let values): "replace by \(values)"
    case .add(let values, 1): "add \(values)"
    case .add(let values, let scale): "add \(scale) × \(values)"
    case .scale(let factor): "scale by \(factor)"
    case .zero: "zero"
    case .mean(let selector): "replace by the mean of (\(selector))"
    case .custom(let edit): "custom '\(edit.label)'"
    }
  }
}

extension HookValues: CustomStringConvertible {
  /// The numbers, abbreviated after four.
  public var description: String {
    let row = rows[0]
    let shown = row.prefix(4).map { "\($0)" } + (row.count > 4 ? ["…"] : [])
    let first = "[" + shown.joined(separator: ", ") + "]"
    let of = row.count > 4 ? " of \(row.count)" : ""
    return rows.count == 1 ? first + of : "\(rows.count) rows like \(first)\(of)"
  }
}
