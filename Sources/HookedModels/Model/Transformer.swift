// Transformer: the one model of the house, assembled from an Architecture and its parameters. A value: training
// makes a new one that shares every parameter that did not change. How it runs is in Run/.

import CKernels
import HookPoints
import Synchronization
import TensorCore

/// A decoder with a hook point at every activation.
public struct Transformer<Scalar: TensorScalar>: Sendable {
  public let name: String
  public let architecture: Architecture
  public let context: ComputeContext
  /// What can be read and written, by name.
  public let catalog: HookCatalog
  let weights: ModelWeights<Scalar>
  /// One for each way that layers turn their heads.
  let rotary: [Rotary: RotaryCache<Scalar>]

  /// - Parameters:
  ///   - name: for messages and the CSV column `model`.
  ///   - parameters: one for each of `architecture.parameters`, by name and of that shape.
  public init(
    name: String, architecture: Architecture, parameters: [String: Parameter<Scalar>],
    context: ComputeContext
  ) {
    self.init(
      name: name, architecture: architecture, parameters: parameters, context: context,
      rotary: Dictionary(
        (0..<architecture.layers).compactMap { architecture.attentionShape($0).rotary }
          .map { ($0, RotaryCache($0)) }, uniquingKeysWith: { first, _ in first }),
      catalog: architecture.hookCatalog(model: name))
  }

  private init(
    name: String, architecture: Architecture, parameters: [String: Parameter<Scalar>],
    context: ComputeContext, rotary: [Rotary: RotaryCache<Scalar>], catalog: HookCatalog
  ) {
    for wanted in architecture.parameters {
      let shape = parameters[wanted.name]?.shape
      precondition(shape == wanted.shape, "\(wanted.name): \(shape ?? []) for \(wanted.shape)")
    }
    self.name = name
    self.architecture = architecture
    self.context = context
    self.rotary = rotary
    self.catalog = catalog
    weights = ModelWeights(architecture, parameters)
  }

  /// The parameters by name, in the order of computation.
  public var parameters: [Parameter<Scalar>] {
    architecture.parameters.compactMap { weights.byName[$0.name] }
  }

  public func parameter(_ name: String) -> Parameter<Scalar>? { weights.byName[name] }

  /// The same model with some parameters replaced; the others are shared, not copied.
  ///
  /// - Parameter tensors: new values by parameter name, of the same shapes.
  public func replacing(_ tensors: [String: Tensor<Scalar>]) -> Transformer {
    var parameters = weights.byName
    for (name, tensor) in tensors {
      precondition(parameters[name] != nil, "\(self.name) has no parameter \(name)")
      parameters[name] = Parameter(name: name, tensor: tensor)
    }
    return Transformer(
      name: name, architecture: architecture, parameters: parameters, context: context,
      rotary: rotary, catalog: catalog)
  }

  /// One block between the embedding and the final norm: a model of one layer that shares this one's parameters, which
  /// keep their names. It takes the block's input as a residual before its layer 0, positions already in it.
  public func block(_ layer: Int) -> Transformer {
    var single = architecture
    single.layers = 1
    single.attention = [architecture.attention[layer]]
    single.attentionShapes = architecture.attentionShapes[layer].map { [0: $0] } ?? [:]
    // Learned positions are in the stream already; rotary ones belong to the block.
    if case .learned = single.positions { single.positions = .none }
    var parameters: [String: Parameter<Scalar>] = [:]
    for wanted in single.parameters {
      let own =
        wanted.name.hasPrefix("layers.0.")
        ? "layers.\(layer)." + wanted.name.dropFirst("layers.0.".count) : wanted.name
      parameters[wanted.name] = weights.byName[own]
    }
    return Transformer(
      name: name, architecture: single, parameters: parameters, context: context, rotary: rotary,
      catalog: single.hookCatalog(model: name))
  }

  /// The same model on another context (threads, instruction set); results are bit-equal.
  public func on(_ context: ComputeContext) -> Transformer {
    Transformer(
      name: name, architecture: architecture, parameters: weights.byName, context: context,
      rotary: rotary, catalog: catalog)
  }
}

extension Positions {
  var rotary: Rotary? {
    if case .rotary(let rotary) = self { rotary } else { nil }
  }
}

/// Cosines and sines, tabulated as far as any sequence so far has needed.
final class RotaryCache<Scalar: TensorScalar>: Sendable {
  private let rotary: Rotary
  private let table = Mutex<(table: RotaryTable<Scalar>, positions: Int)?>(nil)

  init(_ rotary: Rotary) { self.rotary = rotary }

  func table(positions: Int) -> RotaryTable<Scalar> {
    table.withLock { current in
      if let current, current.positions >= positions { return current.table }
      var length = 64
      while length < positions { length *= 2 }
      let pairs = rotary.dimensions / 2
      let frequencies = (0..<pairs).map { ck_pow(rotary.base, -Double($0) / Double(pairs)) }
      let made = RotaryTable<Scalar>(
        frequencies: frequencies, positions: length, interleaved: rotary.interleaved)
      current = (made, length)
      return made
    }
  }
}
