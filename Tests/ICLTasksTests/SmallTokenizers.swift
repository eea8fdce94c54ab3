// Two tokenizers small enough to check by eye: words apart from blanks, and words with the blank
// before them as byte-level BPE vocabularies have them.

import ICLTasks

/// Splits into runs of letters and digits, "->", and single other characters. Ids are given in order
/// of first appearance in `vocabulary`; anything else is `unknownToken`.
struct SmallTokenizer: PromptTokenizer {
  enum Blanks {
    /// Blanks separate and vanish, as in WordLevel with white-space splitting.
    case dropped
    /// A blank is a token of its own.
    case kept
    /// A blank belongs to the letters after it, as in GPT-2.
    case leading
  }

  let vocabulary: [String]
  var blanks = Blanks.dropped
  /// Whether a token 0 comes first, for no text.
  var addsBeginning = true
  /// Pieces that are cut off the front of a longer run, longest first, when the run is not known.
  var splitsUnknown = false
  let unknownToken: Int? = 1

  func promptTokens(_ text: String) throws -> [PromptToken] {
    var tokens = addsBeginning ? [PromptToken(id: 0, bytes: 0..<0)] : []
    var offset = 0
    func add(_ piece: Substring) {
      let end = offset + piece.utf8.count
      let known = vocabulary.firstIndex(of: String(piece))
      if known == nil, splitsUnknown, piece.count > 1 {
        for character in piece { add(Substring(String(character))) }
        return
      }
      tokens.append(PromptToken(id: known.map { $0 + 2 } ?? 1, bytes: offset..<end))
      offset = end
    }
    func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }
    var rest = text[...]
    while let first = rest.first {
      var length = 1
      if first == " ", blanks == .leading {
        length += rest.dropFirst().prefix(while: isWord).count
      } else if isWord(first) {
        length = rest.prefix(while: isWord).count
      } else if rest.hasPrefix("->") {
        length = 2
      }
      let piece = rest.prefix(length)
      if piece == " ", blanks == .dropped { offset += 1 } else { add(piece) }
      rest = rest.dropFirst(length)
    }
    return tokens
  }
}
