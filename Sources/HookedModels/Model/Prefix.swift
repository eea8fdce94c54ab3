// Prefix: what tokens leave behind for those that follow, computed once and shared. Prefixes form a tree:
// a child holds only what its own tokens add, and its parent.

import TensorCore

/// Keys and values, or recurrent states, of every layer after some tokens. Immutable.
public final class Prefix<Scalar: TensorScalar>: Sendable {
  /// What stands before its own tokens; nil where they are the first.
  public let parent: Prefix?
  /// Tokens of this prefix and all its ancestors.
  public let count: Int
  let layers: [Memory]
  /// In a rehearsal, the memory at full size.
  private let held: HeldMemory?

  /// What one layer remembers.
  struct Memory: Sendable {
    var attention: Attention
    /// The last inputs of the convolutions of queries, keys and values, each `[w − 1, width]`, where there are any.
    var convolved: [Tensor<Scalar>] = []
    /// Momentum attention's sum of past values as the next token meets it, `[K, dv]`.
    var momentum: Tensor<Scalar>?
  }

  enum Attention: Sendable {
    case keysAndValues(PastSpan<Scalar>)
    /// Of the whole prefix, ancestors included.
    case recurrent(RecurrentState<Scalar>)
  }

  init(parent: Prefix?, ownCount: Int, layers: [Memory], held: HeldMemory? = nil) {
    self.parent = parent
    self.held = held
    count = (parent?.count ?? 0) + ownCount
    self.layers = layers
  }

  /// The keys and values that a layer's tokens see before their own, oldest first.
  func spans(layer: Int) -> [PastSpan<Scalar>] {
    let older = parent?.spans(layer: layer) ?? []
    guard case .keysAndValues(let own) = layers[layer].attention else { return older }
    return older + [own]
  }

  /// The prefix of only its first `length` tokens, at least those of its parent: it shares this one's memory, which must
  /// be keys and values where any are left out.
  func first(_ length: Int) -> Prefix {
    guard length < count else { return self }
    let own = length - (parent?.count ?? 0)
    return Prefix(
      parent: parent, ownCount: own,
      layers: layers.map { memory in
        guard case .keysAndValues(let span) = memory.attention, memory.momentum == nil else {
          preconditionFailure("a state is of all its tokens")
        }
        return Memory(
          attention: .keysAndValues(PastSpan(keys: span.keys, values: span.values, count: own)))
      }, held: held)
  }

  /// Whether what it holds has the shapes that an architecture computes with.
  func fits(_ architecture: Architecture) -> Bool {
    guard layers.count == architecture.layers else { return false }
    return layers.enumerated().allSatisfy { layer, memory in
      let (kind, shape) = (architecture.attention[layer], architecture.attentionShape(layer))
      let momentum = kind.momentum.map { _ in [shape.keyValueHeads, shape.valueWidth] }
      guard memory.momentum?.shape == momentum else { return false }
      switch (memory.attention, kind) {
      case (.keysAndValues(let span), .softmax), (.keysAndValues(let span), .momentumSoftmax):
        return span.keys.shape.dropFirst() == [shape.keyValueHeads, shape.headWidth]
          && span.values.shape.dropFirst() == [shape.keyValueHeads, shape.valueWidth]
      case (.recurrent(let state), .linear(let linear)):
        let taps = linear.convolution.map { Array(repeating: $0 - 1, count: 3) } ?? []
        return memory.convolved.map { $0.shape[0] } == taps
          && state.matrix.shape
            == [shape.heads, architecture.featureWidth(layer), shape.valueWidth]
          && (state.keySum != nil) == linear.normalised
      case (.keysAndValues, .linear), (.recurrent, .softmax), (.recurrent, .momentumSoftmax):
        return false
      }
    }
  }

  /// The recurrent state that a layer's tokens start from.
  func state(layer: Int) -> RecurrentState<Scalar>? {
    guard case .recurrent(let state) = layers[layer].attention else { return nil }
    return state
  }
}
