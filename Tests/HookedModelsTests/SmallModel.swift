// SmallModel: random models of every kind that the laws are tested on. Widths are odd on purpose: no axis is a
// multiple of a vector register, and no two axes of a tensor are equal.

import HookPoints
import HookedModels
import TensorCore

/// A kind of model; three layers, unless it says otherwise.
enum SmallModel: String, CaseIterable, Sendable {
  /// Learned positions, layer norm, plain MLP, biases, tied embeddings.
  case gpt2
  /// Rotary positions, RMS norm, gated MLP; as many key/value heads as heads, half as many, one.
  case multiHead, groupedQuery, multiQuery
  /// Rotary positions on a part of each head, in GPT-J's interleaved order.
  case interleaved
  /// Un-normalised linear attention with decay, rotary positions, RMS norm of each head.
  case linearDecay
  /// Normalised linear attention (elu + 1) without positions.
  case linearNormalised
  /// Un-normalised linear attention with grouped keys, no positions, identity map, no output norm.
  case linearGrouped
  /// Softmax, linear, softmax.
  case hybrid
  /// Every element of the keys forgets by a gate of the token; grouped keys, an output gate.
  case gated
  /// Short convolutions, keys of unit length, a gate and the delta rule for each head, an output gate.
  case gatedDelta
  /// Feature maps with weights, whose values sum to one: Hedgehog's, twice as wide as the heads.
  case hedgehog
  /// Gated delta, softmax with its own heads and rotary positions, gated.
  case gatedHybrid
  /// Softmax and linear attention, each with momentum, grouped keys.
  case momentum
  /// One layer of linear attention with neither norm, MLP nor positions: the theory papers' model.
  case theory
  /// Averaged linear attention without a mask, over all tokens of a sequence or all but the last.
  case unmasked, unmaskedQuery

  /// Those whose tokens do not see what comes later.
  static let causal = allCases.filter { $0 != .unmasked && $0 != .unmaskedQuery }
  static let linear: [SmallModel] = [
    .linearDecay, .linearNormalised, .linearGrouped, .gated, .gatedDelta, .hedgehog, .theory,
  ]
  static let context = ComputeContext(threads: 2)

  var architecture: Architecture {
    var made = Architecture(
      family: rawValue, layers: 3, modelWidth: 21, heads: 4, keyValueHeads: 4, headWidth: 6,
      valueWidth: 5, mlpWidth: 35, vocabulary: 37, attention: Array(repeating: softmax, count: 3),
      positions: .rotary(Rotary(dimensions: 6, base: 100, interleaved: false)),
      norm: .rms(epsilon: 1e-5), mlp: .gated(.silu), arrangement: .sequential, biases: [],
      tiedEmbeddings: false, maximumPositions: 64)
    func linear(
      _ map: Activation, decays: [Double] = [1, 1, 1, 1], normalised: Bool = false,
      norm: LinearAttention.OutputNorm = .none
    ) -> AttentionKind {
      .linear(
        LinearAttention(
          featureMap: .elementwise(map), scale: 0.4, update: .fixed(decays: decays),
          normalised: normalised, outputNorm: norm))
    }
    let decaying = linear(
      .identity, decays: [1, 0.98, 0.9, 0.5], norm: .rms(epsilon: 1e-5, gain: true))
    switch self {
    case .gpt2:
      made.positions = .learned(count: 64)
      made.norm = .layer(epsilon: 1e-5)
      made.mlp = .plain(.geluTanh)
      made.biases = Set(Bias.allCases)
      made.tiedEmbeddings = true
    case .multiHead: break
    case .groupedQuery: made.keyValueHeads = 2
    case .multiQuery: made.keyValueHeads = 1
    case .interleaved:
      made.positions = .rotary(Rotary(dimensions: 4, base: 100, interleaved: true))
      made.mlp = .plain(.gelu)
    case .linearDecay: made.attention = Array(repeating: decaying, count: 3)
    case .linearNormalised:
      made.attention = Array(repeating: linear(.eluPlusOne, normalised: true), count: 3)
      made.positions = .none
      made.keyValueHeads = 2
    case .linearGrouped:
      made.attention = Array(repeating: linear(.identity), count: 3)
      made.positions = .none
      made.keyValueHeads = 2
    case .hybrid: made.attention[1] = decaying
    case .gated:
      made.attention = Array(repeating: gated, count: 3)
      made.positions = .none
      made.keyValueHeads = 2
    case .gatedDelta:
      made.attention = Array(repeating: gatedDelta, count: 3)
      made.positions = .none
    case .hedgehog:
      var map = LinearAttention(
        featureMap: .hedgehog, scale: 0.3, update: .fixed(decays: [1, 1, 0.9, 0.8]),
        normalised: true, outputNorm: .none)
      map.queriesSumToOne = true
      made.attention = Array(repeating: .linear(map), count: 3)
      made.keyValueHeads = 2
    case .gatedHybrid:
      made.attention = [gatedDelta, softmax, gated]
      made.positions = .none
      made.attentionShapes[1] = AttentionShape(
        heads: 3, keyValueHeads: 1, headWidth: 4, valueWidth: 7,
        rotary: Rotary(dimensions: 4, base: 50, interleaved: false), inputBias: true)
    case .momentum:
      var linear = LinearAttention(
        featureMap: .elementwise(.eluPlusOne), scale: 0.4,
        update: .fixed(decays: [1, 1, 0.9, 0.8]),
        normalised: false, outputNorm: .rms(epsilon: 1e-5, gain: true))
      linear.momentum = 0.6
      let momentum = AttentionKind.momentumSoftmax(scale: 0.41, decay: 0.8)
      made.attention = [momentum, .linear(linear), momentum]
      made.keyValueHeads = 2
    case .theory:
      made.layers = 1
      made.attention = [linear(.identity)]
      made.positions = .none
      made.norm = .none
      made.mlp = .none
    case .unmasked, .unmaskedQuery:
      var linear = LinearAttention(
        featureMap: .elementwise(.identity), scale: 0.4, update: .fixed(decays: [1, 1, 1, 1]),
        normalised: false, outputNorm: .none)
      linear.averaged = true
      linear.reach = self == .unmasked ? .sequence : .demonstrations
      made.attention = Array(repeating: .linear(linear), count: 3)
      made.positions = .none
      made.norm = .none
      made.mlp = .none
      made.keyValueHeads = 2
    }
    return made
  }

  private var softmax: AttentionKind { .softmax(scale: 0.41) }

  private var gated: AttentionKind {
    .linear(
      LinearAttention(
        featureMap: .elementwise(.identity), scale: 0.4,
        update: .gated(rank: 3, temper: 2, least: -1.5), normalised: false,
        outputNorm: .rms(epsilon: 1e-5, gain: true), outputGate: .silu))
  }

  private var gatedDelta: AttentionKind {
    .linear(
      LinearAttention(
        featureMap: .unitLength(epsilon: 1e-6), scale: 0.4, update: .gatedDelta(strength: 2),
        normalised: false, outputNorm: .rms(epsilon: 1e-5, gain: false), outputGate: .logistic,
        convolution: 4))
  }

  /// The model with random parameters: gains and biases too, and matrices large enough for every part to matter.
  func model<Scalar: TensorScalar>(
    as scalar: Scalar.Type = Scalar.self, on context: ComputeContext = context,
    shape: (inout Architecture) -> Void = { _ in }
  ) -> Transformer<Scalar> {
    var architecture = architecture
    shape(&architecture)
    return .small(named: rawValue, architecture, on: context)
  }

  /// A model in Float, for the laws about bits.
  var float: Transformer<Float> { model() }
}

extension Transformer {
  static func small(
    named name: String, _ architecture: Architecture, on context: ComputeContext
  ) -> Transformer {
    var parameters: [String: Parameter<Scalar>] = [:]
    for wanted in architecture.parameters {
      var generator = SeededGenerator(key: wanted.name, seed: 7)
      let isGain = wanted.shape.count == 1 && wanted.name.hasSuffix(".weight")
      let isEmbedding = wanted.name.hasPrefix("embed")
      let size =
        wanted.shape.count == 1 ? 0.3 : isEmbedding ? 1 : 1 / Double(wanted.shape[1]).squareRoot()
      let values = (0..<wanted.shape.reduce(1, *)).map { _ in
        Scalar((isGain ? 1 : 0) + size * generator.normal())
      }
      parameters[wanted.name] = Parameter(
        name: wanted.name, tensor: Tensor(shape: wanted.shape, values: values))
    }
    return Transformer(
      name: name, architecture: architecture, parameters: parameters, context: context)
  }

  /// Random tokens, the same for the same seed.
  func tokens(_ count: Int, seed: UInt64) -> [Int] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in generator.uniformInteger(below: architecture.vocabulary) }
  }

  /// Sequences of random tokens of some lengths.
  func batch(_ lengths: [Int]) -> [BatchSequence<Scalar>] {
    lengths.enumerated().map {
      BatchSequence(tokens: tokens($1, seed: UInt64(100 + $0)))
    }
  }

  /// A plan that reads every hook point of the model, but for those of some kinds.
  func readingEverything(but skipped: [BlockPoint] = []) -> HookPlan {
    HookPlan(
      reads: catalog.entries.filter { entry in
        entry.name.point.map { !skipped.contains($0) } ?? true
      }
      .map { Read(hook: .name($0.name)) })
  }
}

extension Tensor {
  /// Some rows of the first axis.
  func rows(_ range: Range<Int>) -> Tensor {
    let width = count / max(1, shape[0])
    return Tensor(
      shape: [range.count] + shape.dropFirst(),
      values: Array(values[range.lowerBound * width..<range.upperBound * width]))
  }
}

/// The error that a closure throws, as text; nil if it throws nothing.
func sentence<Value>(_ body: () throws -> Value) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return "\(error)"
  }
}
