// Which token begins a sequence, from the configurations beside a tokenizer. Only consulted where
// the post-processor does not tell.

import CheckpointIO

enum BeginningOfSequence {
  /// The parsed configurations in the order they are believed, nil where there is none.
  struct Configurations {
    let json: [JSON?]

    init(json: [JSON?]) throws { self.json = json }

    /// Whether every text begins with it, as OPT's configuration says.
    var isAdded: Bool { json.contains { $0?["add_bos_token"]?.boolValue == true } }

    /// The pieces that are named as special tokens, each once.
    var specialPieces: [String] {
      var seen: Set<String> = []
      return json.flatMap { configuration in
        ["bos_token", "eos_token", "unk_token", "pad_token"].compactMap { key in
          configuration?[key].flatMap { $0.stringValue ?? $0["content"]?.stringValue }
        }
      }.filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    /// The id of the first that says something; a `bos_token` of null says that there is none.
    ///
    /// - Parameters:
    ///   - idOf: the id of a piece.
    ///   - isKnown: whether an id has a piece.
    func id(of idOf: (String) -> Int?, isKnown: (Int) -> Bool) -> Int? {
      for configuration in json {
        guard let configuration else { continue }
        if let token = configuration["bos_token"] {
          if token.isNull { return nil }
          let piece = token.stringValue ?? token["content"]?.stringValue
          return piece.flatMap(idOf)
        }
        if let id = configuration["bos_token_id"]?.intValue { return isKnown(id) ? id : nil }
      }
      return nil
    }
  }
}
