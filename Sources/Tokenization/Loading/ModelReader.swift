// From the `model` object of tokenizer.json, or GPT-2's pair of files, to a model. The whole
// vocabulary and every merge is checked here: afterwards nothing can be missing.

import CheckpointIO

struct ModelReader {
  let file: String

  func model(_ fields: ComponentFields) throws -> Model {
    let isBytePair = fields.optional("type") == nil && fields.optional("merges") != nil
    let type = isBytePair ? "BPE" : try fields.string("type")
    switch type {
    case "BPE": return .bytePair(try bytePair(fields))
    case "Unigram": return .unigram(try unigram(fields))
    case "WordLevel":
      return .wordLevel(
        WordLevelModel(
          vocabulary: try vocabulary(fields.required("vocab", "an object"), fields.name("vocab")),
          unknownPiece: try fields.string("unk_token")))
    default: throw fields.unsupported("model", type, Model.supported)
    }
  }

  private func bytePair(_ fields: ComponentFields) throws -> BytePairModel {
    if let dropout = fields.optional("dropout"), dropout.doubleValue != 0 {
      throw TokenizationError.unsupported(
        file: file, component: "BPE dropout", found: dropout.summary, supported: "null, 0")
    }
    let prefix = Array(
      try fields.optionalString("continuing_subword_prefix").map(\.utf8) ?? "".utf8)
    let suffix = Array(try fields.optionalString("end_of_word_suffix").map(\.utf8) ?? "".utf8)
    let vocabulary = try vocabulary(
      fields.required("vocab", "an object"), fields.name("vocab"))
    var merges = MergeReader(vocabulary: vocabulary, prefixLength: prefix.count, file: file)
    try merges.read(fields.array("merges"), fields.name("merges"))
    return BytePairModel(
      vocabulary: vocabulary, merges: merges.table,
      unknownPiece: try fields.optionalString("unk_token"),
      fusesUnknown: try fields.boolean("fuse_unk", default: false),
      usesByteFallback: try fields.boolean("byte_fallback", default: false),
      continuingPrefix: prefix, wordSuffix: suffix,
      ignoresMerges: try fields.boolean("ignore_merges", default: false),
      metaspaceBeginsWords: merges.metaspaceBeginsWords)
  }

  private func unigram(_ fields: ComponentFields) throws -> UnigramModel {
    let entries = try fields.array("vocab")
    var vocabulary = Vocabulary(idLimit: entries.count, expectedPieces: entries.count)
    var scores: [Double] = []
    for (id, entry) in entries.enumerated() {
      guard let pair = entry.arrayValue, pair.count == 2, var piece = pair[0].stringValue,
        let score = pair[1].doubleValue
      else {
        throw TokenizationError.malformed(
          file: file, field: "\(fields.name("vocab"))[\(id)]", found: entry.summary,
          expected: "a piece and its score, [\"a\", -1.5]")
      }
      scores.append(score)
      guard piece.withUTF8({ vocabulary.insert($0, id: id) }) else {
        throw fields.inconsistent(
          "\(fields.name("vocab"))[\(id)] has the piece \(Excerpt.quoted(piece)) a second time")
      }
    }
    let unknown = fields.optional("unk_id") == nil ? nil : try fields.count("unk_id")
    if let unknown, unknown >= entries.count {
      throw fields.malformed("unk_id", "an id below \(entries.count), the size of the vocabulary")
    }
    return UnigramModel(
      vocabulary: vocabulary, scores: scores, unknown: unknown,
      usesByteFallback: try fields.boolean("byte_fallback", default: false))
  }

  /// GPT-2's model from the contents of its two files.
  func gpt2(vocab: JSON, merges text: [UInt8], mergesFile: String) throws -> BytePairModel {
    let vocabulary = try vocabulary(vocab, "the document")
    var merges = MergeReader(vocabulary: vocabulary, prefixLength: 0, file: mergesFile)
    try merges.read(lines: text)
    return BytePairModel(
      vocabulary: vocabulary, merges: merges.table, unknownPiece: nil, fusesUnknown: false,
      usesByteFallback: false, continuingPrefix: [], wordSuffix: [], ignoresMerges: false,
      metaspaceBeginsWords: false
    ).takingBytes()
  }

  /// A vocabulary from an object of pieces and their ids.
  private func vocabulary(_ json: JSON, _ name: String) throws -> Vocabulary {
    guard let object = json.objectValue, !object.isEmpty else {
      throw TokenizationError.malformed(
        file: file, field: name, found: json.summary, expected: "an object of pieces and ids")
    }
    var highest = 0
    for (piece, value) in object {
      guard let id = value.intValue, (0...Vocabulary.highestID).contains(id) else {
        throw TokenizationError.malformed(
          file: file, field: "the id of \(Excerpt.quoted(piece))", found: value.summary,
          expected: "an integer from 0 to \(Vocabulary.highestID)")
      }
      highest = max(highest, id)
    }
    var vocabulary = Vocabulary(idLimit: highest + 1, expectedPieces: object.count)
    for (piece, value) in object {
      guard let id = value.intValue else { continue }
      if let other = vocabulary.piece(id) {
        throw TokenizationError.inconsistent(
          file: file,
          fact: "the pieces \(Excerpt.quoted(other)) and \(Excerpt.quoted(piece)) both have the id "
            + "\(id), expected one piece an id")
      }
      var piece = piece
      let isNew = piece.withUTF8 { vocabulary.insert($0, id: id) }
      precondition(isNew, "the JSON reader lets no key through twice")
    }
    return vocabulary
  }
}
