// A tokenizer from the files of a checkpoint folder: tokenizer.json, else GPT-2's vocab.json and
// merges.txt; and from the configurations beside them the beginning-of-sequence token.

import CheckpointIO

extension Tokenizer {
  /// Reads the tokenizer of a checkpoint folder.
  ///
  /// - Throws: `TokenizationError` if there is none, or its files are malformed, contradict
  ///   themselves or ask for something not implemented; `CheckpointError` if a file cannot be read
  ///   or is no JSON.
  public static func load(folder: String) throws -> Tokenizer {
    let path = { (name: String) in folder.hasSuffix("/") ? folder + name : folder + "/" + name }
    let isFile = { (name: String) in FileReading.kind(of: path(name)) == .file }
    let configurations = try BeginningOfSequence.Configurations(
      json: ["tokenizer_config.json", "special_tokens_map.json", "config.json"].map { name in
        isFile(name) ? try JSON(contentsOf: path(name)) : nil
      })
    if isFile("tokenizer.json") {
      let file = path("tokenizer.json")
      return try Tokenizer(JSON(contentsOf: file), file: file, configurations)
    }
    guard isFile("vocab.json"), isFile("merges.txt") else {
      throw TokenizationError.noTokenizer(
        folder: folder, hasSentencePiece: isFile("tokenizer.model"))
    }
    let reader = ModelReader(file: path("vocab.json"))
    let model = try reader.gpt2(
      vocab: JSON(contentsOf: path("vocab.json")),
      merges: FileReading.readFile(path("merges.txt")), mergesFile: path("merges.txt"))
    return Tokenizer(gpt2: model, configurations)
  }

  /// Reads the bytes of a `tokenizer.json`; `file` names it in messages.
  package init(tokenizerJSON bytes: some Collection<UInt8>, file: String) throws {
    try self.init(
      JSON(parsing: bytes, file: file), file: file, BeginningOfSequence.Configurations(json: []))
  }

  private init(
    _ json: JSON, file: String, _ configurations: BeginningOfSequence.Configurations
  ) throws {
    let fields = try ComponentFields(json, file: file, path: "")
    func read<Component>(
      _ key: String, _ read: (ComponentFields) throws -> Component
    ) throws -> Component? {
      fields.optional(key) == nil ? nil : try read(fields.component(key))
    }
    let normalizer = try read("normalizer", ComponentReader.normalizer)
    var preTokenizers = try read("pre_tokenizer", ComponentReader.preTokenizers) ?? []
    var model = try ModelReader(file: file).model(fields.component("model"))
    // A byte-level pre-tokenizer that comes last need not write the bytes out as characters only
    // for the model to read them back.
    if case .byteLevel(var last) = preTokenizers.last, case .bytePair(let characters) = model,
      characters.canTakeBytes
    {
      last.mapsBytes = false
      preTokenizers[preTokenizers.count - 1] = .byteLevel(last)
      model = .bytePair(characters.takingBytes())
    }
    let vocabulary = model.vocabulary
    let addedTokens = AddedTokens(
      try AddedTokenReader.tokens(fields, vocabulary, normalizer), normalizer: normalizer)
    let processor = try read("post_processor") { component in
      try ComponentReader.postProcessor(component) { id in
        vocabulary.hasPiece(id) || addedTokens[id] != nil
      }
    }
    decoder = try read("decoder", ComponentReader.decoder)
    postProcessor = processor ?? PostProcessor()
    pipeline = Pipeline(
      addedTokens: addedTokens, normalizer: normalizer, preTokenizers: preTokenizers, model: model,
      cache: WordCache())
    beginningOfSequence =
      postProcessor.prefix.first
      ?? configurations.id(
        of: { addedTokens.id(of: Array($0.utf8)) ?? vocabulary.id(of: $0) },
        isKnown: { vocabulary.hasPiece($0) || addedTokens[$0] != nil })
  }

  private init(gpt2 model: BytePairModel, _ configurations: BeginningOfSequence.Configurations) {
    let vocabulary = model.vocabulary
    let names = configurations.specialPieces
    let added = (names.contains(Self.gpt2Special) ? names : [Self.gpt2Special] + names)
      .compactMap { name in vocabulary.id(of: name).map { (name, $0) } }
      .map { name, id in
        AddedToken(
          id: id, content: Array(name.utf8), isSpecial: true, isNormalized: false,
          stripsLeft: false, stripsRight: false, isSingleWord: false)
      }
    decoder = .byteLevel
    beginningOfSequence =
      configurations.id(of: { vocabulary.id(of: $0) }, isKnown: vocabulary.hasPiece)
      ?? vocabulary.id(of: Self.gpt2Special)
    let prefix = configurations.isAdded ? beginningOfSequence : nil
    postProcessor = PostProcessor(prefix: prefix.map { [$0] } ?? [])
    pipeline = Pipeline(
      addedTokens: AddedTokens(added, normalizer: nil), normalizer: nil,
      preTokenizers: [
        .byteLevel(
          PreTokenizer.ByteLevel(addsPrefixSpace: false, usesRegex: true, mapsBytes: false))
      ],
      model: .bytePair(model), cache: WordCache())
  }

  /// GPT-2's own special token, which begins and ends its texts.
  private static let gpt2Special = "<|endoftext|>"
}
