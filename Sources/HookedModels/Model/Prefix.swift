// Prefix: what tokens leave behind for those that follow, computed once and shared. Prefixes form a tree:
// a child holds only what its own tokens add, and its parent.

import TensorCore

/// Keys and values, or recurrent states, of every layer after some tokens. Immutable.
public final class Prefix<Scalar: TensorScalar>: Sendable {
  public let parent: Prefix?
  /// Tokens of this prefix and all its ancestors.
  public let count: Int
  let layers: [Memory]

  enum Memory: Sendable {
    case keysAndValues(PastSpan<Scalar>)
    /// Of the whole prefix, ancestors included.
    case recurrent(RecurrentState<Scalar>)
  }

  init(parent: Prefix?, ownCount: Int, layers: [Memory]) {
    self.parent = parent
    count = (parent?.count ?? 0) + ownCount
    self.layers = layers
  }

  /// The keys and values that a layer's tokens see before their own, oldest first.
  func spans(layer: Int) -> [PastSpan<Scalar>] {
    let older = parent?.spans(layer: layer) ?? []
    guard case .keysAndValues(let own) = layers[layer] else { return older }
    return older + [own]
  }

  /// Whether what it holds has the shapes that an architecture computes with.
  func fits(_ architecture: Architecture) -> Bool {
    let shared = architecture.keyValueHeads
    guard layers.count == architecture.layers else { return false }
    return zip(layers, architecture.attention).allSatisfy { memory, kind in
      switch (memory, kind) {
      case (.keysAndValues(let span), .softmax):
        span.keys.shape.dropFirst() == [shared, architecture.headWidth]
          && span.values.shape.dropFirst() == [shared, architecture.valueWidth]
      case (.recurrent(let state), .linear(let kind)):
        state.matrix.shape
          == [architecture.heads, architecture.headWidth, architecture.valueWidth]
          && (state.keySum != nil) == kind.normalised
      case (.keysAndValues, .linear), (.recurrent, .softmax): false
      }
    }
  }

  /// The recurrent state that a layer's tokens start from.
  func state(layer: Int) -> RecurrentState<Scalar>? {
    guard case .recurrent(let state) = layers[layer] else { return nil }
    return state
  }
}
