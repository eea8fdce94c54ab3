// Transformer: the one model of the house, assembled from an Architecture and its parameters. A value: training
// makes a new one that shares every parameter that did not change. How it runs is in Run/.

import HookPoints
import TensorCore

/// A decoder with a hook point at every activation.
public struct Transformer<Scalar: TensorScalar>: Sendable {
  /// For messages and the CSV column `model`.
  public let name: String
  /// What it computes.
  public let architecture: Architecture
  /// What it computes on.
  public let context: ComputeContext
  /// What can be read and written, by name.
  public let catalog: HookCatalog
  let weights: ModelWeights<Scalar>
  let tables: PositionTables<Scalar>
  /// In a rehearsal, the memory of the weights at full size.
  private var held: [HeldMemory] = []

  /// - Parameters:
  ///   - name: for messages and the CSV column `model`.
  ///   - architecture: what it computes.
  ///   - parameters: one for each of `architecture.parameters`, by name and of that shape.
  ///   - context: what it computes on.
  public init(
    name: String, architecture: Architecture, parameters: [String: Parameter<Scalar>],
    context: ComputeContext
  ) {
    self.init(
      name: name, architecture: architecture, parameters: parameters, context: context,
      tables: PositionTables(architecture),
      catalog: architecture.hookCatalog(model: name))
  }

  private init(
    name: String, architecture: Architecture, parameters: [String: Parameter<Scalar>],
    context: ComputeContext, tables: PositionTables<Scalar>, catalog: HookCatalog
  ) {
    for wanted in architecture.parameters {
      let shape = parameters[wanted.name]?.shape
      precondition(shape == wanted.shape, "\(wanted.name): \(shape ?? []) for \(wanted.shape)")
    }
    self.name = name
    self.architecture = architecture
    self.context = context
    self.tables = tables
    self.catalog = catalog
    weights = ModelWeights(architecture, parameters)
  }

  /// The parameters by name, in the order of computation.
  public var parameters: [Parameter<Scalar>] {
    architecture.parameters.compactMap { weights.byName[$0.name] }
  }

  /// The parameter of a canonical name, such as `layers.3.attn.k_proj.weight`.
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
    var changed = Transformer(
      name: name, architecture: architecture, parameters: parameters, context: context,
      tables: tables, catalog: catalog)
    changed.held = held
    if let full = architecture.fullSize {
      // As they are, and packed.
      changed.hold(8 * tensors.keys.reduce(0) { $0 + full.table.counts[$1, default: 0] })
    }
    return changed
  }

  /// Tells the meter of a rehearsal of memory that lives as long as the model.
  mutating func hold(_ bytes: Int) {
    if let meter = context.rehearsal { held.append(HeldMemory(bytes, in: meter)) }
  }

  /// One block between the embedding and the final norm: a model of one layer that shares this one's parameters, which
  /// keep their names. It takes the block's input as a residual before its layer 0, positions already in it.
  public func block(_ layer: Int) -> Transformer {
    let single = architecture.block(layer)
    var parameters: [String: Parameter<Scalar>] = [:]
    for wanted in single.parameters {
      let own =
        wanted.name.hasPrefix("layers.0.")
        ? "layers.\(layer)." + wanted.name.dropFirst("layers.0.".count) : wanted.name
      parameters[wanted.name] = weights.byName[own]
    }
    return Transformer(
      name: name, architecture: single, parameters: parameters, context: context,
      tables: tables, catalog: single.hookCatalog(model: name))
  }

  /// The same model on another context (threads, instruction set); results are bit-equal.
  public func on(_ context: ComputeContext) -> Transformer {
    Transformer(
      name: name, architecture: architecture, parameters: weights.byName, context: context,
      tables: tables, catalog: catalog)
  }
}
