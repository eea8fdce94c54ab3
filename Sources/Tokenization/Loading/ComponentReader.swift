// From the objects of tokenizer.json to normalizers, pre-tokenizers, decoders and post-processors.
// What is not known here is refused with its name; nothing is skipped.

import CheckpointIO

enum ComponentReader {
  /// Sequences may nest; the JSON reader's depth limit bounds how far.
  static func normalizer(_ fields: ComponentFields) throws -> Normalizer {
    let type = try fields.string("type")
    switch type {
    case "Sequence":
      return .sequence(try fields.components("normalizers").map(normalizer))
    case "Prepend":
      return .prepend(Array(try fields.string("prepend").utf8))
    case "Replace":
      return try replace(fields)
    case "Precompiled":
      // Without a table the library replaces nothing.
      guard let text = try fields.optionalString("precompiled_charsmap"), !text.isEmpty else {
        return .sequence([])
      }
      guard let table = bytes(ofBase64: text.utf8), let map = CharacterMap(table) else {
        throw fields.malformed("precompiled_charsmap", "SentencePiece's table in base64")
      }
      return .precompiled(map)
    case "NFC": return .unicode(.nfc)
    case "NFD": return .unicode(.nfd)
    case "NFKC": return .unicode(.nfkc)
    case "NFKD": return .unicode(.nfkd)
    case "Lowercase": return .lowercase
    case "Strip":
      return .strip(
        left: try fields.boolean("strip_left"), right: try fields.boolean("strip_right"))
    default:
      throw fields.unsupported("normalizer", type, Normalizer.supported)
    }
  }

  private static func replace(_ fields: ComponentFields) throws -> Normalizer {
    let content = Array(try fields.string("content").utf8)
    let pattern = try fields.component("pattern")
    guard let regex = try pattern.optionalString("Regex") else {
      return .replace(pattern: try pattern.text("String"), content: content)
    }
    guard regex == " {2,}" else {
      throw fields.unsupported(
        "normalizer Replace with the regular expression", regex, ["a String", "' {2,}'"])
    }
    return .replaceSpaces(content: content)
  }

  /// The pre-tokenizers in their order, sequences flattened.
  static func preTokenizers(_ fields: ComponentFields) throws -> [PreTokenizer] {
    let type = try fields.string("type")
    switch type {
    case "Sequence":
      return try fields.components("pretokenizers").flatMap(preTokenizers)
    case "ByteLevel":
      return [
        .byteLevel(
          PreTokenizer.ByteLevel(
            addsPrefixSpace: try fields.boolean("add_prefix_space"),
            usesRegex: try fields.boolean("use_regex", default: true), mapsBytes: true))
      ]
    case "Split":
      return [
        .split(
          try splitPattern(fields), try fields.choice("behavior"),
          inverted: try fields.boolean("invert", default: false))
      ]
    case "Digits":
      let isIndividual = try fields.boolean("individual_digits", default: false)
      return [
        .split(.scalars(.number), isIndividual ? .isolated : .contiguous, inverted: false)
      ]
    case "Whitespace":
      return [.split(.wordsOrSymbols, .removed, inverted: true)]
    case "WhitespaceSplit":
      return [.split(.scalars(.space), .removed, inverted: false)]
    case "Punctuation":
      let behavior: SplitBehavior = try fields.choice("behavior", default: .isolated)
      return [.split(.scalars(.punctuation), behavior, inverted: false)]
    case "Metaspace":
      return [.metaspace(try metaspace(fields))]
    default:
      throw fields.unsupported("pre-tokenizer", type, PreTokenizer.supported)
    }
  }

  static func decoder(_ fields: ComponentFields) throws -> Decoder {
    let type = try fields.string("type")
    switch type {
    case "Sequence": return .sequence(try fields.components("decoders").map(decoder))
    case "ByteLevel": return .byteLevel
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "Replace":
      return .replace(
        pattern: try literal(fields, in: "decoder Replace"),
        content: Array(try fields.string("content").utf8))
    case "Strip":
      return .strip(
        content: try fields.scalar("content"), start: try fields.count("start"),
        stop: try fields.count("stop"))
    case "Metaspace":
      let metaspace = try metaspace(fields)
      return .metaspace(
        replacement: metaspace.replacement, dropsFirst: metaspace.prepending != .never)
    default:
      throw fields.unsupported("decoder", type, Decoder.supported)
    }
  }

  static func postProcessor(
    _ fields: ComponentFields, hasPiece: (Int) -> Bool
  ) throws -> PostProcessor {
    let type = try fields.string("type")
    switch type {
    case "Sequence":
      return try fields.components("processors").reduce(PostProcessor()) { inner, fields in
        try postProcessor(fields, hasPiece: hasPiece).around(inner)
      }
    case "ByteLevel": return PostProcessor()
    case "TemplateProcessing": return try template(fields, hasPiece: hasPiece)
    default:
      throw fields.unsupported("post-processor", type, PostProcessor.supported)
    }
  }

  private static func metaspace(_ fields: ComponentFields) throws -> PreTokenizer.Metaspace {
    var prepending: PreTokenizer.Metaspace.Prepending =
      try fields.choice("prepend_scheme", default: .always)
    // Files from before prepend_scheme have only this.
    if try !fields.boolean("add_prefix_space", default: true) { prepending = .never }
    return PreTokenizer.Metaspace(
      replacement: try fields.scalar("replacement"), prepending: prepending,
      splits: try fields.boolean("split", default: true))
  }

  /// The literal of a `pattern` field: `{"String": …}`.
  private static func literal(_ fields: ComponentFields, in component: String) throws -> [UInt8] {
    let pattern = try fields.component("pattern")
    if let regex = try pattern.optionalString("Regex") {
      throw fields.unsupported("\(component) with the regular expression", regex, ["String"])
    }
    return try pattern.text("String")
  }

  private static func splitPattern(_ fields: ComponentFields) throws -> SplitPattern {
    let pattern = try fields.component("pattern")
    guard let regex = try pattern.optionalString("Regex") else {
      return .literal(try pattern.text("String"))
    }
    guard let scanner = RegexScanner(pattern: regex) else {
      throw fields.unsupported(
        "pre-tokenizer Split with the regular expression", regex,
        ["a String", "the patterns of GPT-2, LLaMA 3 and Qwen2"])
    }
    return .scanner(scanner)
  }

  /// The special tokens around `$A` in the template for one sequence.
  private static func template(
    _ fields: ComponentFields, hasPiece: (Int) -> Bool
  ) throws -> PostProcessor {
    let special = try fields.component("special_tokens")
    var result = PostProcessor()
    var sawSequence = false
    for item in try fields.components("single") {
      if item.optional("SpecialToken") != nil {
        let name = try item.component("SpecialToken").string("id")
        let ids = try ids(of: name, in: special, hasPiece: hasPiece)
        if sawSequence { result.suffix += ids } else { result.prefix += ids }
      } else {
        let name = try item.component("Sequence").string("id")
        guard name == "A", !sawSequence else {
          throw item.inconsistent(
            "\(fields.name("single")) must hold the sequence A once and no other")
        }
        sawSequence = true
      }
    }
    guard sawSequence else {
      throw fields.inconsistent("\(fields.name("single")) does not hold the sequence A")
    }
    return result
  }

  private static func ids(
    of name: String, in special: ComponentFields, hasPiece: (Int) -> Bool
  ) throws -> [Int] {
    guard special.optional(name) != nil else {
      throw special.inconsistent(
        "\(special.path) has no entry for \(Excerpt.quoted(name)), which the template uses")
    }
    let entry = try special.component(name)
    return try entry.array("ids").map { value in
      guard let id = value.intValue, hasPiece(id) else {
        throw entry.malformed("ids", "ids of the vocabulary")
      }
      return id
    }
  }
}
