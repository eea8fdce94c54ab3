// Reads `added_tokens` and checks each id against the one Hugging Face tokenizers would give: that
// library ignores the ids in the file and numbers the tokens itself, so a disagreement means that
// somebody's ids are wrong.

import CheckpointIO

enum AddedTokenReader {
  static func tokens(
    _ fields: ComponentFields, _ vocabulary: Vocabulary, _ normalizer: Normalizer?
  ) throws -> [AddedToken] {
    guard fields.optional("added_tokens") != nil else { return [] }
    var tokens: [AddedToken] = []
    var seen: Set<[UInt8]> = []
    var highest = -1
    for item in try fields.components("added_tokens") {
      let token = AddedToken(
        id: try item.count("id"),
        content: try item.text("content"),
        isSpecial: try item.boolean("special", default: false),
        isNormalized: try item.boolean("normalized", default: true),
        stripsLeft: try item.boolean("lstrip", default: false),
        stripsRight: try item.boolean("rstrip", default: false),
        isSingleWord: try item.boolean("single_word", default: false))
      let name = Excerpt.quoted(String(decoding: token.content, as: UTF8.self))
      guard seen.insert(token.content).inserted else {
        throw fields.inconsistent("\(item.path) adds \(name) a second time")
      }
      let expected =
        vocabulary.id(of: token.content) ?? max(highest + 1, vocabulary.pieceCount)
      guard token.id == expected else {
        throw fields.inconsistent(
          "\(item.path) gives \(name) the id \(token.id), expected \(expected), under which "
            + "Hugging "
            + "Face tokenizers would file it; write that id or close the gap")
      }
      if vocabulary.id(of: token.content) == nil, vocabulary.hasPiece(token.id) {
        throw fields.inconsistent(
          "\(item.path) gives \(name) the id \(token.id), which the vocabulary has given away")
      }
      if token.isNormalized, AddedTokens.normalized(token.content, normalizer).isEmpty {
        throw fields.inconsistent(
          "\(item.path): nothing is left of \(name) after normalization, so that it would match "
            + "everywhere; mark it as not normalized")
      }
      highest = max(highest, token.id)
      tokens.append(token)
    }
    return tokens
  }
}
