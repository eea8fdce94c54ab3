// A vocabulary of whole words: a fragment is a piece, or the unknown token.

import CheckpointIO

struct WordLevelModel: WordModel {
  let vocabulary: Vocabulary
  let unknownPiece: String
  let unknown: Int?

  init(vocabulary: Vocabulary, unknownPiece: String) {
    self.vocabulary = vocabulary
    self.unknownPiece = unknownPiece
    unknown = vocabulary.id(of: unknownPiece)
  }

  /// Writes the one token of a word, which is not empty, into `buffer`.
  func encode(_ word: UnsafeBufferPointer<UInt8>, into buffer: inout WordBuffer) throws {
    buffer.clear()
    guard let id = vocabulary.id(of: word) ?? unknown else {
      throw TokenizationError.inexpressible(
        text: String(decoding: word, as: UTF8.self),
        remedy: "the unk_token \(Excerpt.quoted(unknownPiece)) is not in the vocabulary either")
    }
    buffer.append(UInt32(id), length: word.count)
  }
}
