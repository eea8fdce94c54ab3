// How much arithmetic and memory a pass needs: what `bench` divides by time and `plan` adds up. Linear maps, attention
// over the visible keys and the unembedding are counted, as a WorkMeter counts them when they are computed; what grows
// only with the width (norms, activations) is not.

import HookPoints
import TensorCore

/// What decides how much work a forward pass is.
struct PassShape {
  /// Rows of the batch in the order in which they join.
  var members: [(firstLayer: Int, count: Int, past: Int)]
  /// The block before which the pass stops.
  var stop: Int
  /// How many rows go on after the attention of the last block; nil for all.
  var lateRows: Int?
  var logits: Int
  /// Whether rows of the last block whose outputs nobody needs skip its attention.
  var skipsLastMixing = false
  /// Whether someone looks at a hook point.
  var wants: (HookName) -> Bool = { _ in false }
  /// Of a pass with a tape: which parameters and hook points gradients are wanted of.
  var gradients: (parameters: Set<String>, hooks: [HookName])?
}

extension Architecture {
  /// The multiplications and additions of a forward pass without prefixes.
  ///
  /// - Parameters:
  ///   - lengths: tokens of each sequence.
  ///   - logits: rows that pass the unembedding; the others end in the last block's attention.
  public func floatingPointOperations(lengths: [Int], logits: Int) -> Double {
    work(
      of: PassShape(
        members: lengths.map { (0, $0, 0) }, stop: layers, lateRows: logits, logits: logits)
    ).floatingPointOperations
  }

  /// The work of a pass: arithmetic, tokens, and the bytes that it needs beside weights and what it leaves behind.
  func work(of shape: PassShape) -> Work { WorkTable(self).work(of: shape) }
}

/// An architecture's linear maps, looked up once for many passes.
final class WorkTable: Sendable {
  /// A linear map of a block or the unembedding.
  private struct Map {
    enum Rows { case tokens, heads, keyValueHeads, late }
    let name: String
    let size: Int
    let rows: Rows
    /// The parameters, by place, that feed the map's input, and the hook points.
    let fedBy: Int
    let fedByHook: HookName
    /// What the names of parameters begin with that feed it too; of feature maps their own projection's.
    var alsoFedBy: String?
  }
  let architecture: Architecture
  /// How many numbers each parameter has.
  let counts: [String: Int]
  private let names: [String]
  private let maps: [[Map]]
  /// By layer the place of the first parameter that reads the attention's input.
  private let inputs: [Int]

  init(_ architecture: Architecture) {
    self.architecture = architecture
    let parameters = architecture.parameters
    names = parameters.map(\.name)
    counts = Dictionary(
      uniqueKeysWithValues: parameters.map { ($0.name, $0.shape.reduce(1, *)) })
    var place: [String: Int] = [:]
    for (index, name) in names.enumerated() { place[name] = index }
    let inputPlaces = (0..<architecture.layers).map {
      place["layers.\($0).attn.q_proj.weight", default: 0]
    }
    inputs = inputPlaces
    maps = (0..<architecture.layers).map { layer in
      let prefix = "layers.\(layer)."
      let inputs = inputPlaces[layer]
      return parameters.compactMap { parameter in
        guard parameter.shape.count == 2, parameter.name.hasPrefix(prefix),
          !parameter.name.hasSuffix("_conv.weight"), let own = place[parameter.name]
        else { return nil }
        let name = parameter.name.dropFirst(prefix.count)
        let (rows, fedBy, hook): (Map.Rows, Int, BlockPoint)
        var also: String?
        if name.hasPrefix("attn.feature_map_q") {
          (rows, fedBy, hook, also) = (.heads, inputs, .phiQ, prefix + "attn.q_")
        } else if name.hasPrefix("attn.feature_map_k") {
          (rows, fedBy, hook, also) = (.keyValueHeads, inputs, .phiK, prefix + "attn.k_")
        } else if name.hasPrefix("attn.o_proj") {
          (rows, fedBy, hook) = (.late, own, .result)
        } else if name.hasPrefix("mlp.down") {
          (rows, fedBy, hook) = (.late, own, .ln2PostScale)
        } else if name.hasPrefix("mlp.") {
          // In parallel blocks the attention does not feed the MLP.
          let isParallel = architecture.arrangement.isParallel
          (rows, fedBy, hook) = (.late, isParallel ? inputs : own, isParallel ? .q : .mlpPre)
        } else {
          (rows, fedBy, hook) = (.tokens, inputs, .q)
        }
        return Map(
          name: parameter.name, size: parameter.shape[0] * parameter.shape[1], rows: rows,
          fedBy: fedBy, fedByHook: .block(layer, hook), alsoFedBy: also)
      }
    }
  }

  func work(of pass: PassShape) -> Work {
    let first = pass.members.map(\.firstLayer).min() ?? 0
    let flow = pass.gradients.map { GradientFlow($0.parameters, $0.hooks, names) }
    var operations = 0.0
    var (transient, kept) = (0, 0)
    for layer in first..<max(first, pass.stop) {
      let active = pass.members.filter { $0.firstLayer <= layer }
      let rows = active.reduce(0) { $0 + $1.count }
      let isLast = layer == architecture.layers - 1
      let late = isLast ? min(rows, pass.lateRows ?? rows) : rows
      let shape = architecture.attentionShape(layer)
      for map in maps[layer] {
        let own =
          switch map.rows {
          case .tokens: rows
          case .heads: rows * shape.heads
          case .keyValueHeads: rows * shape.keyValueHeads
          case .late: late
          }
        operations +=
          2 * Double(own * map.size)
          * (1 + (flow?.products(map.name, map.fedBy, map.fedByHook, map.alsoFedBy) ?? 0))
        if map.name.hasSuffix("o_proj.weight"), pass.wants(.block(layer, .result)) {
          operations += 2 * Double(own * shape.heads * map.size)
        }
      }
      let isSkipped =
        isLast && pass.skipsLastMixing && !isLinear(layer)
        && architecture.attention[layer].momentum == nil
      if !isSkipped { operations += 2 * mixing(layer, active, flow) }
      let bytes = bytes(layer, rows: rows, late: late, active, looks: flow != nil, pass)
      (transient, kept) = (max(transient, bytes), kept + bytes)
    }
    let unembedding = Double(pass.logits * architecture.vocabulary * architecture.modelWidth)
    operations +=
      2 * unembedding * (1 + (flow?.unembedding(tied: architecture.tiedEmbeddings) ?? 0))
    let logits = 4 * pass.logits * architecture.vocabulary
    return Work(
      floatingPointOperations: operations, tokens: pass.members.reduce(0) { $0 + $1.count },
      bytes: flow == nil ? max(transient, 2 * logits) : 2 * kept + 3 * logits)
  }

  private func isLinear(_ layer: Int) -> Bool {
    if case .linear = architecture.attention[layer] { true } else { false }
  }

  /// Products of numbers in a layer's attention, those of its gradients included: twice as many for each part.
  private func mixing(
    _ layer: Int, _ active: [(firstLayer: Int, count: Int, past: Int)], _ flow: GradientFlow?
  ) -> Double {
    let shape = architecture.attentionShape(layer)
    let (scores, values) = flow?.attention(layer, inputs[layer]) ?? (false, false)
    switch architecture.attention[layer] {
    case .softmax, .momentumSoftmax:
      var window: Int?
      if case .softmax(_, let own, _) = architecture.attention[layer] { window = own }
      let pairs = active.reduce(0) { sum, member in
        guard let window else {
          return sum + member.count * member.past + member.count * (member.count + 1) / 2
        }
        return sum + (0..<member.count).reduce(0) { $0 + min(window, member.past + $1 + 1) }
      }
      let width =
        shape.headWidth * (scores ? 3 : 1) + shape.valueWidth * (values ? 3 : 1)
      return Double(pairs) * Double(shape.heads * width)
    case .linear(let linear):
      // Writing and reading the state; the delta rule reads it twice.
      let passes = if case .gatedDelta = linear.update { 3 } else { 2 }
      return Double(
        passes * (values ? 3 : 1) * active.reduce(0) { $0 + $1.count } * shape.heads
          * architecture.featureWidth(layer) * shape.valueWidth)
    }
  }

  /// The bytes of activations that one block needs at a time (of a pass with a tape, keeps).
  private func bytes(
    _ layer: Int, rows: Int, late: Int, _ active: [(firstLayer: Int, count: Int, past: Int)],
    looks: Bool, _ pass: PassShape
  ) -> Int {
    let (shape, width) = (architecture.attentionShape(layer), architecture.modelWidth)
    let inputs = (shape.heads + shape.keyValueHeads) * architecture.featureWidth(layer)
    var attention =
      rows * (4 * width + 2 * inputs + (shape.keyValueHeads + shape.heads) * shape.valueWidth)
    if looks || pass.wants(.block(layer, .attnScores)) || pass.wants(.block(layer, .pattern)) {
      attention += 2 * shape.heads * active.reduce(0) { $0 + $1.count * ($1.past + $1.count) }
    }
    if isLinear(layer) {
      attention +=
        active.count * shape.heads * architecture.featureWidth(layer) * shape.valueWidth
    }
    let hidden = if case .gated = architecture.mlp { 4 } else { 2 }
    let mlp = late * (4 * width + hidden * architecture.mlpWidth)
    return 4 * (looks ? attention + mlp : max(attention, mlp))
  }

  /// The bytes that a layer keeps of sequences that become prefixes.
  func prefixBytes(tokens: Int) -> Int {
    (0..<architecture.layers).reduce(0) { sum, layer in
      let shape = architecture.attentionShape(layer)
      return sum
        + 4
        * (isLinear(layer)
          ? shape.heads * architecture.featureWidth(layer) * (shape.valueWidth + 1)
          : tokens * shape.keyValueHeads * (shape.headWidth + shape.valueWidth))
    }
  }
}

/// Where gradients flow in a pass.
private struct GradientFlow {
  private let wanted: Set<String>
  /// The first parameter, by place, whose gradient is wanted, and the first hook point.
  private let first: Int
  private let firstHook: HookName?

  init(_ wanted: Set<String>, _ hooks: [HookName], _ names: [String]) {
    self.wanted = wanted
    first = names.firstIndex(where: wanted.contains) ?? .max
    firstHook = hooks.min()
  }

  private func reaches(_ place: Int, _ hook: HookName) -> Bool {
    first < place || firstHook.map { $0 < hook } ?? false
  }

  /// How many products of a linear map's size come back: one for its input, one for its weights.
  func products(_ name: String, _ fedBy: Int, _ hook: HookName, _ also: String?) -> Double {
    let isFed =
      reaches(fedBy, hook) || also.map { also in wanted.contains { $0.hasPrefix(also) } } ?? false
    return (isFed ? 1 : 0) + (wanted.contains(name) ? 1 : 0)
  }

  /// Whether gradients reach a layer's scores, and its values.
  func attention(_ layer: Int, _ fedBy: Int) -> (scores: Bool, values: Bool) {
    func trains(_ input: String) -> Bool {
      let name = "layers.\(layer).attn.\(input)_proj"
      return wanted.contains("\(name).weight") || wanted.contains("\(name).bias")
    }
    let scores = reaches(fedBy, .block(layer, .attnScores)) || trains("q") || trains("k")
    return (scores, scores || trains("v"))
  }

  /// How many products of the unembedding's size come back.
  func unembedding(tied: Bool) -> Double {
    (first == .max && firstHook == nil ? 0 : 1)
      + (wanted.contains(tied ? "embed_tokens.weight" : "lm_head.weight") ? 1 : 0)
  }
}
