// The hook points that an architecture has, with their shapes, and why it lacks the others.

import HookPoints

extension Architecture {
  /// The hook points of a model of this architecture, in firing order.
  public func hookCatalog(model: String) -> HookCatalog {
    var entries = [stream(.embed)]
    var absent = absentEverywhere
    if positions.isAdded {
      entries.append(stream(.positionEmbed))
    } else {
      absent[.only(.positionEmbed)] = "no position embedding is added to the stream"
    }
    for layer in 0..<layers {
      entries += blockEntries(layer)
      if attentionShape(layer).rotary == nil {
        for point in [BlockPoint.rotQ, .rotK] {
          absent[.only(.block(layer, point))] = "this layer has no rotary positions"
        }
      }
      switch attention[layer] {
      case .softmax, .momentumSoftmax:
        for point in Self.linearOnly {
          absent[.only(.block(layer, point))] = "softmax attention has no feature map and no state"
        }
      case .linear(let kind):
        if !kind.normalised && !kind.averaged {
          absent[.only(.block(layer, .normaliser))] = "this linear attention is not normalised"
        }
        if kind.reach != .causal {
          for point in Self.states {
            absent[.only(.block(layer, point))] =
              "all tokens of this linear attention read one and the same sum; read hook_phi_k and hook_v"
          }
        }
      }
      if attention[layer].momentum == nil {
        absent[.only(.block(layer, .momentum))] = "only momentum attention has it"
      }
    }
    if norm == .none {
      absent[.only(.finalScale)] = "the model has no norms"
      absent[.only(.finalNormalized)] = "the model has no norms"
    } else {
      entries.append(
        HookCatalog.Entry(name: .finalScale, axes: [.tokens, .one], widths: [1]))
      entries.append(stream(.finalNormalized))
    }
    return HookCatalog(model: model, entries: entries, absent: absent)
  }

  private static let states: [BlockPoint] = [.ssmStateInitial, .ssmWrite, .ssmState]
  private static let linearOnly: [BlockPoint] = [.phiQ, .phiK, .normaliser] + states

  private var absentEverywhere: [HookCatalog.Place: String] {
    var absent: [HookCatalog.Place: String] = [:]
    if headNorm == .none {
      for point in [BlockPoint.qNormScale, .qNormNormalized, .kNormScale, .kNormNormalized] {
        absent[.everyBlock(point)] = "the model has no norms of queries and keys"
      }
    }
    if arrangement != .sandwich {
      for point in [
        BlockPoint.ln1PostScale, .ln1PostNormalized, .ln2PostScale, .ln2PostNormalized,
      ] {
        absent[.everyBlock(point)] = "the model has no norms after attention and MLP"
      }
    }
    if arrangement.isParallel {
      absent[.everyBlock(.residMid)] =
        "parallel blocks have no hook_resid_mid, because attention and MLP read the same input; "
        + "read hook_resid_pre, or hook_attn_out for what attention adds"
    }
    if norm == .none {
      for point in [BlockPoint.ln1Scale, .ln1Normalized, .ln2Scale, .ln2Normalized] {
        absent[.everyBlock(point)] = "the model has no norms"
      }
    }
    switch mlp {
    case .gated: break
    case .plain: absent[.everyBlock(.mlpPreLinear)] = "the MLP is not gated"
    case .none:
      for point in [
        BlockPoint.residMid, .ln2Scale, .ln2Normalized, .mlpPre, .mlpPreLinear, .mlpPost, .mlpOut,
      ] {
        absent[.everyBlock(point)] = "the model has no MLP"
      }
    }
    return absent
  }

  private func stream(_ name: HookName) -> HookCatalog.Entry {
    HookCatalog.Entry(name: name, axes: [.tokens, .modelWidth], widths: [modelWidth])
  }

  private func blockEntries(_ layer: Int) -> [HookCatalog.Entry] {
    var entries: [HookCatalog.Entry] = []
    func add(_ point: BlockPoint, _ axes: [Axis], _ widths: Int...) {
      entries.append(
        HookCatalog.Entry(name: .block(layer, point), axes: axes, widths: widths))
    }
    func addNorm(_ scale: BlockPoint, _ normalized: BlockPoint) {
      guard norm != .none else { return }
      add(scale, [.tokens, .one], 1)
      add(normalized, [.tokens, .modelWidth], modelWidth)
    }
    let state: [Axis] = [.heads, .keyWidth, .valueWidth]
    let shape = attentionShape(layer)
    let (heads, keyValueHeads) = (shape.heads, shape.keyValueHeads)
    let (headWidth, valueWidth) = (shape.headWidth, shape.valueWidth)
    let featureWidth = featureWidth(layer)

    add(.residPre, [.tokens, .modelWidth], modelWidth)
    addNorm(.ln1Scale, .ln1Normalized)
    add(.q, [.tokens, .heads, .headWidth], heads, headWidth)
    add(.k, [.tokens, .keyValueHeads, .headWidth], keyValueHeads, headWidth)
    add(.v, [.tokens, .keyValueHeads, .valueWidth], keyValueHeads, valueWidth)
    if headNorm != .none {
      add(.qNormScale, [.tokens, .heads, .one], heads, 1)
      add(.qNormNormalized, [.tokens, .heads, .headWidth], heads, headWidth)
      add(.kNormScale, [.tokens, .keyValueHeads, .one], keyValueHeads, 1)
      add(.kNormNormalized, [.tokens, .keyValueHeads, .headWidth], keyValueHeads, headWidth)
    }
    if shape.rotary != nil {
      add(.rotQ, [.tokens, .heads, .headWidth], heads, headWidth)
      add(.rotK, [.tokens, .keyValueHeads, .headWidth], keyValueHeads, headWidth)
    }
    if case .linear(let kind) = attention[layer] {
      add(.phiQ, [.tokens, .heads, .keyWidth], heads, featureWidth)
      add(.phiK, [.tokens, .keyValueHeads, .keyWidth], keyValueHeads, featureWidth)
      if kind.reach == .causal {
        add(.ssmStateInitial, [.sequences] + state, heads, featureWidth, valueWidth)
        add(.ssmWrite, [.tokens] + state, heads, featureWidth, valueWidth)
        add(.ssmState, [.tokens] + state, heads, featureWidth, valueWidth)
      }
      if kind.normalised || kind.averaged { add(.normaliser, [.tokens, .heads], heads) }
    }
    add(.attnScores, [.heads, .queries, .keys], heads)
    add(.pattern, [.heads, .queries, .keys], heads)
    if attention[layer].momentum != nil {
      add(.momentum, [.tokens, .keyValueHeads, .valueWidth], keyValueHeads, valueWidth)
    }
    add(.z, [.tokens, .heads, .valueWidth], heads, valueWidth)
    add(.result, [.tokens, .heads, .modelWidth], heads, modelWidth)
    add(.rawAttnOut, [.tokens, .modelWidth], modelWidth)
    if arrangement == .sandwich { addNorm(.ln1PostScale, .ln1PostNormalized) }
    add(.attnOut, [.tokens, .modelWidth], modelWidth)
    if mlp != .none {
      if !arrangement.isParallel { add(.residMid, [.tokens, .modelWidth], modelWidth) }
      addNorm(.ln2Scale, .ln2Normalized)
      add(.mlpPre, [.tokens, .mlpWidth], mlpWidth)
      if case .gated = mlp { add(.mlpPreLinear, [.tokens, .mlpWidth], mlpWidth) }
      add(.mlpPost, [.tokens, .mlpWidth], mlpWidth)
      if arrangement == .sandwich { addNorm(.ln2PostScale, .ln2PostNormalized) }
      add(.mlpOut, [.tokens, .modelWidth], modelWidth)
    }
    add(.residPost, [.tokens, .modelWidth], modelWidth)
    return entries
  }
}
