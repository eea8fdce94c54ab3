// The models of tokenizer.json that are supported: what turns a word into ids.

enum Model: Sendable {
  case bytePair(BytePairModel)
  case unigram(UnigramModel)
  case wordLevel(WordLevelModel)

  static let supported = ["BPE", "Unigram", "WordLevel"]

  var vocabulary: Vocabulary {
    switch self {
    case .bytePair(let model): model.vocabulary
    case .unigram(let model): model.vocabulary
    case .wordLevel(let model): model.vocabulary
    }
  }

  /// The id that stands for what the vocabulary lacks.
  var unknown: Int? {
    switch self {
    case .bytePair(let model): model.unknown.map(Int.init)
    case .unigram(let model): model.unknown
    case .wordLevel(let model): model.unknown
    }
  }

  /// What to call it in a run's record.
  var kind: String {
    switch self {
    case .bytePair(let model):
      if !model.byteSymbols.isEmpty {
        "byte-level BPE"
      } else if !model.byteFallback.isEmpty {
        "BPE with byte fallback"
      } else {
        "BPE"
      }
    case .unigram(let model):
      model.byteFallback.isEmpty ? "Unigram" : "Unigram with byte fallback"
    case .wordLevel: "WordLevel"
    }
  }

  /// Whether a word may be cut before a U+2581 without changing its tokens.
  var cutsAtMetaspace: Bool {
    if case .bytePair(let model) = self { return model.cutsAtMetaspace }
    return false
  }
}
