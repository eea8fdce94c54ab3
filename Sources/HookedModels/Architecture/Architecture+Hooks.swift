// The hook points that an architecture has, with their shapes, and why it lacks the others.

import HookPoints

extension Architecture {
  /// The hook points of a model of this architecture, in firing order.
  public func hookCatalog(model: String) -> HookCatalog {
    var entries = [stream(.embed)]
    var absent = absentEverywhere
    if case .learned = positions {
      entries.append(stream(.positionEmbed))
    } else {
      absent[.only(.positionEmbed)] = "no position embedding is added to the stream"
    }
    for layer in 0..<layers {
      entries += blockEntries(layer)
      if case .softmax = attention[layer] {
        for point in Self.linearOnly {
          absent[.only(.block(layer, point))] = "softmax attention has no feature map and no state"
        }
      } else if case .linear(let kind) = attention[layer], !kind.normalised {
        absent[.only(.block(layer, .normaliser))] = "this linear attention is not normalised"
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

  private static let linearOnly: [BlockPoint] = [
    .phiQ, .phiK, .ssmStateInitial, .ssmWrite, .ssmState, .normaliser,
  ]

  private var absentEverywhere: [HookCatalog.Place: String] {
    var absent: [HookCatalog.Place: String] = [
      .everyBlock(.momentum): "only momentum attention has it"
    ]
    if positions.rotary == nil {
      absent[.everyBlock(.rotQ)] = "the model has no rotary positions"
      absent[.everyBlock(.rotK)] = "the model has no rotary positions"
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

    add(.residPre, [.tokens, .modelWidth], modelWidth)
    addNorm(.ln1Scale, .ln1Normalized)
    add(.q, [.tokens, .heads, .headWidth], heads, headWidth)
    add(.k, [.tokens, .keyValueHeads, .headWidth], keyValueHeads, headWidth)
    add(.v, [.tokens, .keyValueHeads, .valueWidth], keyValueHeads, valueWidth)
    if positions.rotary != nil {
      add(.rotQ, [.tokens, .heads, .headWidth], heads, headWidth)
      add(.rotK, [.tokens, .keyValueHeads, .headWidth], keyValueHeads, headWidth)
    }
    if case .linear(let kind) = attention[layer] {
      add(.phiQ, [.tokens, .heads, .keyWidth], heads, headWidth)
      add(.phiK, [.tokens, .keyValueHeads, .keyWidth], keyValueHeads, headWidth)
      add(.ssmStateInitial, [.sequences] + state, heads, headWidth, valueWidth)
      add(.ssmWrite, [.tokens] + state, heads, headWidth, valueWidth)
      add(.ssmState, [.tokens] + state, heads, headWidth, valueWidth)
      if kind.normalised { add(.normaliser, [.tokens, .heads], heads) }
    }
    add(.attnScores, [.heads, .queries, .keys], heads)
    add(.pattern, [.heads, .queries, .keys], heads)
    add(.z, [.tokens, .heads, .valueWidth], heads, valueWidth)
    add(.result, [.tokens, .heads, .modelWidth], heads, modelWidth)
    add(.rawAttnOut, [.tokens, .modelWidth], modelWidth)
    add(.attnOut, [.tokens, .modelWidth], modelWidth)
    if mlp != .none {
      add(.residMid, [.tokens, .modelWidth], modelWidth)
      addNorm(.ln2Scale, .ln2Normalized)
      add(.mlpPre, [.tokens, .mlpWidth], mlpWidth)
      if case .gated = mlp { add(.mlpPreLinear, [.tokens, .mlpWidth], mlpWidth) }
      add(.mlpPost, [.tokens, .mlpWidth], mlpWidth)
      add(.mlpOut, [.tokens, .modelWidth], modelWidth)
    }
    add(.residPost, [.tokens, .modelWidth], modelWidth)
    return entries
  }
}
