// The checks can fail: models that are wrong in one place each must miss the references by a wide margin. What the
// parity tests accept is a thousand times nearer.

import CheckpointIO
import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct WrongModelTests {
  enum Mistake: String, CaseIterable, Sendable {
    case attentionScale, rotaryBase, interleavedRotary, noGains, epsilon, keysForValues
    case normKind, activation, noDecay, notNormalised, noOutputNorm, noBias
    case temper, strength, gateFunction, noUnitLength, reversedTaps, momentum, featureMap, noSums
    case window, noScoreCap, noLogitCap, headGrouping, noHeadNorm, plainGains, noEmbeddingScale
    case positionOffset, rotaryWidth, noRotaryScaling, oneRotary, arrangement, noPostNorms
  }

  /// The smallest of what a mistake does to logits or activations that may count as noticed.
  static let margin = 300 * Tolerance.activation

  static func wrong(_ model: Transformer<Float>, _ mistake: Mistake) -> Transformer<Float> {
    var architecture = model.architecture
    var tensors: [String: Tensor<Float>] = [:]
    for parameter in model.parameters { tensors[parameter.name] = parameter.tensor() }
    func rotary(_ change: (inout Rotary) -> Void) {
      switch architecture.positions {
      case .rotary(var own):
        change(&own)
        architecture.positions = .rotary(own)
      case .rotaryByLayer(var layers):
        for layer in layers.indices { change(&layers[layer]) }
        architecture.positions = .rotaryByLayer(layers)
      case .none, .learned, .sinusoidal: break
      }
    }
    func softmax(_ change: (inout Double, inout Int?, inout Double?) -> Void) {
      architecture.attention = architecture.attention.map { kind in
        guard case .softmax(var scale, var window, var cap) = kind else { return kind }
        change(&scale, &window, &cap)
        return .softmax(scale: scale, window: window, cap: cap)
      }
    }
    func linear(_ change: (inout LinearAttention) -> Void) {
      architecture.attention = architecture.attention.map { kind in
        guard case .linear(var own) = kind else { return kind }
        change(&own)
        return .linear(own)
      }
    }
    switch mistake {
    case .attentionScale:
      softmax { scale, _, _ in scale *= 1.1 }
      linear { $0.scale *= 1.1 }
    case .rotaryBase: rotary { $0.base *= 2 }
    case .interleavedRotary: rotary { $0.interleaved.toggle() }
    case .rotaryWidth: rotary { $0.dimensions *= 2 }
    case .noRotaryScaling: rotary { $0.scaling = .none }
    case .oneRotary:
      if let first = architecture.positions.rotary(layer: 0) {
        architecture.positions = .rotary(first)
      }
    case .window: softmax { _, window, _ in window = window.map { $0 + 1 } }
    case .noScoreCap: softmax { _, _, cap in cap = nil }
    case .noLogitCap: architecture.logitCap = nil
    case .headGrouping:
      // Query head h reads key/value head h mod K in place of h / (H / K): by another order of the queries' heads.
      let (heads, shared) = (architecture.heads, architecture.keyValueHeads)
      let order = (0..<shared).flatMap { stride(from: $0, to: heads, by: shared) }
      for layer in 0..<architecture.layers {
        let block = "layers.\(layer).attn"
        for name in ["\(block).q_proj.weight", "\(block).q_proj.bias"] {
          guard let tensor = tensors[name] else { continue }
          let size = tensor.count / heads
          let values = tensor.values
          tensors[name] = Tensor(
            shape: tensor.shape,
            values: order.flatMap { values[$0 * size..<($0 + 1) * size] })
        }
        guard let output = tensors["\(block).o_proj.weight"] else { continue }
        let width = output.shape[1] / heads
        tensors["\(block).o_proj.weight"] = Tensor(
          shape: output.shape,
          values: (0..<output.shape[0]).flatMap { row in
            order.flatMap { output.row(row)[$0 * width..<($0 + 1) * width] }
          })
      }
    case .noHeadNorm: architecture.headNorm = .none
    case .plainGains:
      if case .rmsOnePlus(let epsilon) = architecture.norm {
        architecture.norm = .rms(epsilon: epsilon)
      }
    case .noEmbeddingScale: architecture.embeddingScale = 1
    case .positionOffset:
      switch architecture.positions {
      case .learned(let count, let offset):
        architecture.positions = .learned(count: count + 1, offset: offset - 1)
      case .sinusoidal(let offset): architecture.positions = .sinusoidal(offset: offset - 1)
      case .none, .rotary, .rotaryByLayer: break
      }
    case .arrangement:
      architecture.arrangement =
        architecture.arrangement == .sequential ? .parallel : .sequential
      // Where one norm was shared, both have its parameters.
      for (name, tensor) in tensors where name.contains(".attn_norm.") {
        let other = name.replacing(".attn_norm.", with: ".mlp_norm.")
        if tensors[other] == nil { tensors[other] = tensor }
      }
    case .noPostNorms: architecture.arrangement = .sequential
    case .featureMap:
      linear {
        $0.featureMap = .elementwise($0.featureMap == .elementwise(.relu) ? .eluPlusOne : .relu)
      }
    case .noSums: linear { ($0.queriesSumToOne, $0.keysSumToOne) = (false, false) }
    case .noGains:
      for (name, tensor) in tensors where tensor.shape.count == 1 && name.hasSuffix(".weight") {
        tensors[name] = Tensor(repeating: 1, shape: tensor.shape)
      }
    case .epsilon:
      switch architecture.norm {
      case .rmsOnePlus(let epsilon): architecture.norm = .rmsOnePlus(epsilon: epsilon * 1000)
      case .rms(let epsilon): architecture.norm = .rms(epsilon: epsilon * 1000)
      case .layer(let epsilon): architecture.norm = .layer(epsilon: epsilon * 1000)
      case .none: break
      }
    case .keysForValues:
      for layer in 0..<architecture.layers {
        for kind in ["weight", "bias"] {
          let (k, v) = (
            "layers.\(layer).attn.k_proj.\(kind)", "layers.\(layer).attn.v_proj.\(kind)"
          )
          if tensors[k]?.shape == tensors[v]?.shape {
            (tensors[k], tensors[v]) = (tensors[v], tensors[k])
          }
        }
      }
    case .normKind:
      if case .layer(let epsilon) = architecture.norm { architecture.norm = .rms(epsilon: epsilon) }
    case .activation:
      switch architecture.mlp {
      case .plain(let kind): architecture.mlp = .plain(kind == .relu ? .geluTanh : .relu)
      case .gated(let kind): architecture.mlp = .gated(kind == .silu ? .gelu : .silu)
      case .none: break
      }
    case .noDecay: linear { $0.update = .fixed(decays: [1, 1, 1, 1]) }
    case .notNormalised: linear { $0.normalised.toggle() }
    case .noOutputNorm: linear { $0.outputNorm = .none }
    case .temper:
      linear {
        guard case .gated(let rank, let temper, let least) = $0.update else { return }
        $0.update = .gated(rank: rank, temper: temper * 1.5, least: least)
      }
    case .strength:
      linear {
        guard case .gatedDelta(let strength) = $0.update else { return }
        $0.update = .gatedDelta(strength: strength * 0.9)
      }
    case .gateFunction: linear { $0.outputGate = $0.outputGate == .silu ? .logistic : .silu }
    case .noUnitLength: linear { $0.featureMap = .elementwise(.identity) }
    case .reversedTaps:
      for (name, tensor) in tensors where name.hasSuffix("_conv.weight") {
        let rows = (0..<tensor.shape[0]).flatMap { tensor.row($0).reversed() }
        tensors[name] = Tensor(shape: tensor.shape, values: rows)
      }
    case .momentum:
      linear { $0.momentum = $0.momentum.map { $0 * 0.9 } }
      architecture.attention = architecture.attention.map { kind in
        guard case .momentumSoftmax(let scale, let decay) = kind else { return kind }
        return .momentumSoftmax(scale: scale, decay: decay * 0.9)
      }
    case .noBias:
      for (name, tensor) in tensors where name.hasSuffix(".bias") {
        tensors[name] = Tensor(repeating: 0, shape: tensor.shape)
      }
    }
    var parameters: [String: Parameter<Float>] = [:]
    for wanted in architecture.parameters {
      guard let tensor = tensors[wanted.name] else { continue }
      parameters[wanted.name] = Parameter(name: wanted.name, tensor: tensor)
    }
    return Transformer(
      name: model.name, architecture: architecture, parameters: parameters, context: model.context)
  }

  static let cases: [(family: String, mistakes: [Mistake])] = [
    (
      "gpt2-tiny",
      [.attentionScale, .noGains, .epsilon, .keysForValues, .normKind, .activation, .noBias]
    ),
    (
      "llama-gqa",
      [
        .attentionScale, .rotaryBase, .interleavedRotary, .noGains, .epsilon, .keysForValues,
        .activation,
      ]
    ),
    (
      "linear-decay",
      [
        .attentionScale, .rotaryBase, .interleavedRotary, .noGains, .epsilon, .keysForValues,
        .noDecay,
        .notNormalised, .noOutputNorm,
      ]
    ),
    ("gptj-tiny", [.attentionScale, .interleavedRotary, .rotaryWidth, .noGains, .arrangement]),
    (
      "neox-tiny",
      [.attentionScale, .interleavedRotary, .rotaryWidth, .rotaryBase, .arrangement, .noBias]
    ),
    ("neox-sequential", [.arrangement, .activation, .rotaryWidth, .keysForValues]),
    ("opt-tiny", [.positionOffset, .attentionScale, .activation, .noGains, .noBias]),
    ("xglm-tiny", [.positionOffset, .noEmbeddingScale, .attentionScale, .noBias]),
    ("phi-tiny", [.rotaryWidth, .interleavedRotary, .arrangement, .noBias, .noGains]),
    ("mistral-window", [.window, .headGrouping, .interleavedRotary, .noGains]),
    ("qwen2-tiny", [.window, .headGrouping, .noBias, .attentionScale]),
    ("qwen3-tiny", [.noHeadNorm, .headGrouping, .noGains, .interleavedRotary]),
    ("gemma-tiny", [.plainGains, .noEmbeddingScale, .headGrouping, .activation]),
    (
      "gemma2-tiny",
      [.window, .noScoreCap, .noLogitCap, .noPostNorms, .plainGains, .attentionScale]
    ),
    ("gemma3-tiny", [.window, .oneRotary, .noRotaryScaling, .noHeadNorm, .noPostNorms]),
    ("llama3-scaled", [.noRotaryScaling, .headGrouping]),
    ("linear-fla", [.featureMap, .noGains]),
    ("linear-maps/identity", [.featureMap]),
    ("linear-maps/elu-normalised", [.notNormalised, .noOutputNorm, .keysForValues, .featureMap]),
    ("linear-maps/relu-norm-qk", [.featureMap, .noSums]),
    ("linear-maps/elementwise-product", [.featureMap]),
    ("linear-maps/hedgehog", [.featureMap]),
    ("linear-maps/t2r", [.featureMap]),
    ("linear-maps/dpfp-no-norm", [.featureMap]),
    ("retnet-tiny", [.noDecay, .gateFunction, .rotaryBase]),
    ("gla-tiny", [.temper, .gateFunction]),
    ("gla-convolved", [.reversedTaps]),
    ("deltanet-tiny", [.strength, .gateFunction, .noUnitLength, .reversedTaps]),
    ("deltanet-hybrid", [.attentionScale, .strength]),
    ("gla-window", [.window, .temper]),
    ("llama-momentum", [.momentum]),
    ("linear-momentum", [.momentum]),
  ]

  @Test(arguments: cases) func aMistakeIsNoticed(_ family: String, _ mistakes: [Mistake]) throws {
    for mistake in mistakes {
      let parity = try Parity<Float>(family) { Self.wrong($0, mistake) }
      let activation = try parity.worstActivation(atLeast: 40)
      #expect(
        activation.difference.largest > Self.margin,
        "\(family) with \(mistake): \(activation.name) \(activation.difference)")
      // A model without the parameter has no gradient of it to compare. And behind a norm of each head, a factor of
      // its output shows in the scores alone.
      let isHidden =
        family.hasPrefix("linear") && [.attentionScale, .notNormalised].contains(mistake)
      guard !isHidden, ![.noOutputNorm, .normKind].contains(mistake) else { continue }
      #expect(try parity.worstLogit().largest > Self.margin, "\(family) with \(mistake)")
      if family.hasPrefix("linear-maps"), mistake == .featureMap { continue }
      let gradient = try parity.worstGradient().difference
      #expect(gradient.largest > Self.margin, "\(family) with \(mistake): gradients \(gradient)")
    }
  }

  /// The same path without a mistake is as near as the parity tests want it.
  @Test(arguments: cases) func withoutAMistakeItIsAccepted(_ family: String, _ mistakes: [Mistake])
    throws
  {
    let rebuilt = try Parity<Float>(family) { model in
      Transformer(
        name: model.name, architecture: model.architecture,
        parameters: Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0) }),
        context: model.context)
    }
    #expect(try rebuilt.worstLogit().largest <= Tolerance.activation)
    #expect(try rebuilt.worstGradient().difference.largest <= Tolerance.gradient)
  }

  /// A prefix that is one token too long, too short, or of other tokens.
  @Test(arguments: [
    "gpt2-tiny", "llama-gqa", "linear-decay", "gla-convolved", "deltanet-hybrid", "llama-momentum",
  ])
  func aWrongPrefixIsNoticed(_ family: String) throws {
    let parity = try Parity<Float>(family)
    let prompt = try #require(parity.prompts.max { $0.count < $1.count })
    let index = try #require(parity.prompts.firstIndex(of: prompt))
    let expected = try parity.reference.doubles(named: "prompt\(index)/logits")
    func last(_ prefix: [Int], _ tail: [Int]) throws -> Double {
      let logits = try parity.model.run(
        [BatchSequence(tokens: tail, after: try parity.model.prefix(prefix))]
      ).logits.values
      return Difference(logits, Array(expected.suffix(logits.count))).largest
    }
    let middle = prompt.count / 2
    let (head, tail) = (Array(prompt[..<middle]), Array(prompt[middle...]))
    #expect(try last(head, tail) <= Tolerance.activation)
    #expect(try last(Array(head.dropFirst()), tail) > Self.margin)
    #expect(try last([prompt[0]] + head, tail) > Self.margin)
    #expect(try last(head.reversed(), tail) > Self.margin)
  }

  /// A mask that lets one token look ahead.
  @Test func aMaskWithAHoleIsNoticed() throws {
    let parity = try Parity<Float>("llama-gqa")
    let index = try #require(parity.prompts.firstIndex { $0.count > 3 })
    let prompt = parity.prompts[index]
    func difference(_ scores: [Float]) throws -> Double {
      let edit = Intervention(
        hook: .name(.block(0, .attnScores)), positions: .index(1),
        action: .replace(HookValues(scores)))
      let logits = try parity.model.run(
        [BatchSequence(tokens: prompt)], plan: HookPlan(interventions: [edit]), logitsAt: .all
      ).logits
      return Difference(
        logits.values, try parity.reference.doubles(named: "prompt\(index)/logits")
      ).largest
    }
    let clean = try parity.model.run(
      [BatchSequence(tokens: prompt)],
      plan: HookPlan(reads: [Read(.attnScores(0), at: .index(1))])
    ).cache.value(.block(0, .attnScores), RowAddress(sequence: 0, position: 1))
    #expect(try difference(clean) <= Tolerance.activation)
    #expect(try difference(clean.map { $0 == -.infinity ? 0 : $0 }) > Self.margin)
  }
}
