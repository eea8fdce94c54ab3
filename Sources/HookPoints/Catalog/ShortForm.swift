// ShortForm: a word and its layer, in the ways the field writes them: resid_post.10, k6, scale4ln1,
// normalized.27.ln2, layers_output[2]. It takes the text apart; what the word means is in FieldName.

/// A short form taken apart.
struct ShortForm: Equatable {
  let word: String
  let layers: LayerSelection
  /// What follows the layer: `ln1`, `ln2`, or TransformerLens's layer type such as `mlp`.
  let kind: String?
  private let written: (layer: String, style: Style)

  private enum Style { case dotted, joined, bracketed }

  static func == (left: ShortForm, right: ShortForm) -> Bool {
    left.word == right.word && left.layers == right.layers && left.kind == right.kind
  }

  /// Nil for a text that holds no layer.
  init?(_ text: String) {
    let word: Substring
    let layer: Substring
    let rest: Substring
    let style: Style
    if text.hasSuffix("]"), let bracket = text.firstIndex(of: "[") {
      word = text[..<bracket]
      layer = text[text.index(after: bracket)...].dropLast()
      rest = ""
      style = .bracketed
    } else if text.contains(".") {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2 || parts.count == 3 else { return nil }
      (word, layer, rest, style) = (parts[0], parts[1], parts.count == 3 ? parts[2] : "", .dotted)
    } else if let digit = text.firstIndex(where: \.isNumber) {
      let end = text[digit...].firstIndex { !$0.isNumber } ?? text.endIndex
      (word, layer, rest, style) = (text[..<digit], text[digit..<end], text[end...], .joined)
    } else {
      return nil
    }
    guard !word.isEmpty, let layers = LayerSelection(layer) else { return nil }
    self.word = String(word)
    self.layers = layers
    kind = rest.isEmpty ? nil : String(rest)
    written = (String(layer), style)
  }

  /// What it means; nil for an unknown word.
  ///
  /// - Throws: `HookError.needsNorm` for a norm that is not said to be the first or the second.
  func meaning(_ text: String) throws -> FieldName? {
    if word == "scale" || word == "normalized" {
      switch kind {
      case nil: throw HookError.needsNorm(text: text)
      case "ln1": return .point(word == "scale" ? .ln1Scale : .ln1Normalized)
      case "ln2": return .point(word == "scale" ? .ln2Scale : .ln2Normalized)
      default: return nil
      }
    }
    guard let field = FieldName.short[word] else { return nil }
    guard let kind else { return field }
    // TransformerLens lets a layer type follow; it must not contradict the word.
    guard case .point(let point) = field, let expected = ShortForm.kinds[kind] else { return nil }
    return point.rawValue.hasPrefix(expected) ? field : nil
  }

  private static let kinds = [
    "a": "attn.", "attn": "attn.", "attention": "attn.", "m": "mlp.", "mlp": "mlp.",
    "b": "hook_", "block": "hook_", "blocks": "hook_",
  ]

  /// The same form with another word.
  func respelled(_ word: String) -> String {
    switch written.style {
    case .dotted: "\(word).\(written.layer)"
    case .joined: "\(word)\(written.layer)"
    case .bracketed: "\(word)[\(written.layer)]"
    }
  }
}
