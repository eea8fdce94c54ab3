// The edge where text becomes hook names, and the only one. It reads TransformerLens's full names, layers as
// wildcards, ranges and from the end, and the names and short forms in FieldName. What it cannot read, what
// this model does not have and what is not a hook point here are three different errors.

extension HookCatalog {
  /// The hook points a text means, in firing order, at least one.
  ///
  /// - Parameter text: a full name `blocks.3.attn.hook_z`; with layers `*` (every layer that has the point),
  ///   `2-5` or `-1`; a short form `resid_post.10`, `k6`, `scale4ln1`, `layers_output[2]`; a bridge name
  ///   `blocks.3.hook_out`; a pyvene key `layer.3.comp.block_output`.
  /// - Throws: `HookError.unknownName` with the nearest name, `.layerOutOfRange`, `.needsLayer`,
  ///   `.needsNorm`, `.malformedRange`, `.absent` with the reason why this model has no such point, and
  ///   `.unsupported` for a name of the field that is not a hook point here.
  public func resolve(_ text: String) throws -> [HookName] {
    if let name = HookName(canonical: text) ?? FieldName.outside[text] {
      return [try present(name, text)]
    }
    if text == "ln_final.hook_in" {
      return try names(.point(.residPost), .one(-1), text)
    }
    if let reason = FieldName.refusedOutside[text] {
      throw HookError.unsupported(text: text, reason: reason)
    }
    if text.hasSuffix("_grad") {
      throw HookError.unsupported(
        text: text, reason: "gradients are asked for from the tape, under the hook's own name")
    }
    if let (layers, suffix) = layered(text, prefix: "blocks.") {
      if let field = BlockPoint(rawValue: suffix).map(FieldName.point) ?? FieldName.inBlock[suffix]
      {
        return try names(field, layers, text)
      }
      throw unknown(text, layers, suffix: suffix)
    }
    if let (layers, rest) = layered(text, prefix: "layer."), rest.hasPrefix("comp.") {
      let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
      if let field = FieldName.short[String(parts[1])] {
        // What follows in a serialised pyvene key (unit, count) is said by selectors here.
        guard parts.count == 2 else {
          let end = text.count - rest.count + "comp.".count + parts[1].count
          throw HookError.unknownName(
            text: text, model: model, nearest: String(text.prefix(end)))
        }
        return try names(field, layers, text)
      }
    }
    if let form = ShortForm(text) {
      if let field = try form.meaning(text) { return try names(field, form.layers, text) }
      if let near = ofModule(text) {
        throw HookError.unknownName(text: text, model: model, nearest: near)
      }
      throw unknown(text, form: form)
    }
    if FieldName.short[text] != nil { throw HookError.needsLayer(text: text) }
    if layers > 0, BlockPoint(rawValue: text) != nil || FieldName.inBlock[text] != nil {
      throw HookError.unknownName(text: text, model: model, nearest: "blocks.0.\(text)")
    }
    // A point without its block may be meant.
    let points = layers > 0 ? points(.one(0)).map(\.rawValue) : []
    let near = ofModule(text) ?? nearest(to: text, among: allNames + points)
    throw HookError.unknownName(
      text: text, model: model, nearest: points.contains(near) ? "blocks.0.\(near)" : near)
  }

  /// What a module of transformers puts out, such as `model.layers.5.mlp`, `transformer.h.5` or nnsight's
  /// `model.layers[5].output`, as a hook point of a layer that the model has.
  private func ofModule(_ text: String) -> String? {
    let parts = text.replacing(/\[(\d+)\]/) { ".\($0.output.1)" }.split(separator: ".")
    guard let place = parts.firstIndex(where: { $0 == "layers" || $0 == "h" }),
      place + 1 < parts.count,
      let layer = Int(parts[place + 1]), (0..<layers).contains(layer)
    else { return nil }
    let module = parts.dropFirst(place + 2).first ?? ""
    let point =
      module.contains("attn") || module.contains("attention")
      ? "attn.hook_out"
      : module == "mlp" ? "hook_mlp_out" : "hook_resid_post"
    return "blocks.\(layer).\(point)"
  }

  /// `blocks.{layers}.{suffix}` taken apart.
  private func layered(_ text: String, prefix: String) -> (LayerSelection, String)? {
    guard text.hasPrefix(prefix) else { return nil }
    let rest = text.dropFirst(prefix.count)
    guard let dot = rest.firstIndex(of: "."), let layers = LayerSelection(rest[..<dot]) else {
      return nil
    }
    return (layers, String(rest[rest.index(after: dot)...]))
  }

  /// The hooks of a meaning at some layers. A layer that is named must have the point; `*` takes those that
  /// have it, of which there must be one.
  private func names(
    _ field: FieldName, _ selection: LayerSelection, _ text: String
  ) throws -> [HookName] {
    let named = try selection.layers(of: layers, model: model, text: text)
    if case .refused(let reason) = field { throw HookError.unsupported(text: text, reason: reason) }
    if let named {
      return try named.map { layer in
        try present(.block(layer, try point(field, layer, text)), text)
      }
    }
    guard layers > 0 else {
      throw HookError.layerOutOfRange(text: text, layer: 0, layers: 0, model: model)
    }
    let found = try (0..<layers).map { HookName.block($0, try point(field, $0, text)) }
    let having = found.filter(contains)
    guard !having.isEmpty else {
      throw HookError.absent(name: text, model: model, reason: reason(found[0]))
    }
    return having
  }

  private func point(_ field: FieldName, _ layer: Int, _ text: String) throws -> BlockPoint {
    switch field {
    case .point(let point): return point
    case .refused(let reason): throw HookError.unsupported(text: text, reason: reason)
    case .byMLP(let gated, let plain, let reason):
      let isGated = contains(.block(layer, .mlpPreLinear))
      guard let point = isGated ? gated : plain else {
        throw HookError.unsupported(text: text, reason: reason)
      }
      return point
    }
  }

  /// The name, if the model has it; the error speaks of the text as it was written.
  private func present(_ name: HookName, _ text: String) throws -> HookName {
    if contains(name) { return name }
    if let layer = name.layer, !(0..<layers).contains(layer) {
      throw HookError.layerOutOfRange(text: text, layer: layer, layers: layers, model: model)
    }
    let written = name.description == text ? text : "\(text) (\(name))"
    throw HookError.absent(name: written, model: model, reason: reason(name))
  }

  private var allNames: [String] { entries.map(\.name.description) }

  /// The points that can be named at these layers.
  private func points(_ selection: LayerSelection) -> [BlockPoint] {
    BlockPoint.allCases.filter { (try? names(.point($0), selection, "")) != nil }
  }

  /// The error for a wrong name in a block: the layers stay as written, if the model has them.
  private func unknown(_ text: String, _ selection: LayerSelection, suffix: String) -> HookError {
    let before = text.dropLast(suffix.count)
    guard exist(selection) else { return unknown(text, allNames) }
    let best = unknown(suffix, points(selection).map(\.rawValue))
    guard case .unknownName(_, _, let point) = best else { return best }
    return .unknownName(text: text, model: model, nearest: before + point)
  }

  /// The error for a wrong short form: the nearest short form with the same layers, or full name.
  private func unknown(_ text: String, form: ShortForm) -> HookError {
    guard exist(form.layers) else { return unknown(text, allNames) }
    let points = points(form.layers)
    let words = FieldName.short.filter { entry in
      if case .point(let point) = entry.value { points.contains(point) } else { false }
    }
    return unknown(text, words.keys.sorted().map(form.respelled) + allNames)
  }

  private func unknown(_ text: String, _ candidates: [String]) -> HookError {
    candidates.isEmpty
      ? .absent(name: text, model: model, reason: "it has no hook points at all")
      : .unknownName(text: text, model: model, nearest: nearest(to: text, among: candidates))
  }

  private func exist(_ selection: LayerSelection) -> Bool {
    if selection == .every { return layers > 0 }
    return (try? selection.layers(of: layers, model: model, text: "")) != nil
  }
}
