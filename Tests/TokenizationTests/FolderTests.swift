// Loading from a folder: which files are read, in which order they are believed about the beginning
// of a sequence, and what prompts come to under each policy.

import CheckpointIO
import Foundation
import Testing
import Tokenization

@Suite struct FolderTests {
  /// A folder of files for one test.
  private final class Folder {
    let path: String

    init(_ files: [String: String]) throws {
      path = NSTemporaryDirectory() + "tokenization-" + UUID().uuidString
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for (name, text) in files {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private static let words = """
    {"added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false}],
     "pre_tokenizer": {"type": "WhitespaceSplit"},
     "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "a": 1, "b": 2}}}
    """

  private static let template = """
    {"type": "TemplateProcessing",
     "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}},
                {"SpecialToken": {"id": "a"}}],
     "special_tokens": {"<s>": {"ids": [3]}, "a": {"ids": [1]}}}
    """

  private static var wordsWithTemplate: String {
    "{\"post_processor\": " + template + "," + words.dropFirst()
  }

  @Test func anEmptyFolderIsNamed() throws {
    let folder = try Folder([:])
    #expect(throws: TokenizationError.noTokenizer(folder: folder.path, hasSentencePiece: false)) {
      try Tokenizer.load(folder: folder.path)
    }
    let half = try Folder(["vocab.json": "{}"])
    #expect(throws: TokenizationError.noTokenizer(folder: half.path, hasSentencePiece: false)) {
      try Tokenizer.load(folder: half.path)
    }
  }

  @Test func brokenJSONIsCheckpointIOsError() throws {
    let folder = try Folder(["tokenizer.json": "{\"model\": "])
    #expect(throws: CheckpointError.self) { try Tokenizer.load(folder: folder.path) }
    let config = try Folder(["tokenizer.json": Self.words, "tokenizer_config.json": "{,}"])
    #expect(throws: CheckpointError.self) { try Tokenizer.load(folder: config.path) }
  }

  @Test func gpt2Files() throws {
    let folder = try Folder([
      "vocab.json": "{\"a\": 0, \"b\": 1, \"ab\": 2, \"Ġ\": 3, \"Ġab\": 4, \"<|endoftext|>\": 5}",
      "merges.txt": "#version: 0.2\r\na b\r\nĠ ab\r\n",
    ])
    let tokenizer = try Tokenizer.load(folder: folder.path + "/")
    #expect(try tokenizer.encode("ab ab<|endoftext|>a") == [2, 4, 5, 0])
    #expect(tokenizer.decode([2, 4, 5, 0]) == "ab ab<|endoftext|>a")
    #expect(tokenizer.decode([2, 4, 5, 0], skippingSpecialTokens: true) == "ab aba")
    #expect(tokenizer.beginningOfSequence == 5)
    #expect(tokenizer.summary.kind == "byte-level BPE")
    #expect(try tokenizer.prompt("a", bos: .auto) == [0])
    #expect(try tokenizer.prompt("", bos: .always) == [5])
    #expect(throws: TokenizationError.self) { try tokenizer.encode("c") }
  }

  /// OPT's and fairseq-dense's folders: GPT-2's pair of files, other special tokens, and a text that begins with one.
  @Test func gpt2FilesWithOtherSpecialTokens() throws {
    var files = [
      "vocab.json":
        "{\"<s>\": 0, \"<pad>\": 1, \"</s>\": 2, \"<unk>\": 3, \"a\": 4, \"b\": 5, \"ab\": 6}",
      "merges.txt": "#version: 0.2\na b\n",
      "tokenizer_config.json": """
      {"errors": "replace", "unk_token": {"content": "</s>", "__type": "AddedToken"}, "bos_token":
       {"content": "</s>", "__type": "AddedToken"}, "eos_token": {"content": "</s>"},
       "add_prefix_space": false, "add_bos_token": true, "tokenizer_class": "GPT2Tokenizer"}
      """,
      "special_tokens_map.json": "{\"bos_token\": \"</s>\", \"pad_token\": \"<pad>\"}",
    ]
    let first = try Folder(files)
    let opt = try Tokenizer.load(folder: first.path)
    #expect(try opt.prompt("ab<pad>a", bos: .auto) == [2, 6, 1, 4])
    #expect(try opt.prompt("ab", bos: .always) == [2, 6])
    #expect(try opt.prompt("ab", bos: .never) == [6])
    #expect(opt.decode([2, 6], skippingSpecialTokens: true) == "ab")

    files["tokenizer_config.json"] = nil
    files["special_tokens_map.json"] = nil
    files["config.json"] = "{\"bos_token_id\": 0, \"eos_token_id\": 2, \"newlinemode\": \"s\"}"
    let second = try Folder(files)
    let dense = try Tokenizer.load(folder: second.path)
    #expect(try dense.prompt("ab", bos: .auto) == [6])
    #expect(try dense.prompt("ab", bos: .always) == [0, 6])
  }

  @Test func badMergesFile() throws {
    let folder = try Folder(["vocab.json": "{\"a\": 0}", "merges.txt": "#version\na\n"])
    #expect(
      throws: TokenizationError.malformed(
        file: folder.path + "/merges.txt", field: "line 2", found: "'a'",
        expected: "two pieces, \"a b\" or [\"a\", \"b\"]")
    ) { try Tokenizer.load(folder: folder.path) }
  }

  @Test func whoNamesTheBeginningOfSequence() throws {
    func beginning(_ files: [String: String]) throws -> Int? {
      var files = files
      if files["tokenizer.json"] == nil { files["tokenizer.json"] = Self.words }
      let folder = try Folder(files)
      return try Tokenizer.load(folder: folder.path).beginningOfSequence
    }
    #expect(try beginning([:]) == nil)
    #expect(try beginning(["tokenizer_config.json": "{\"bos_token\": \"<s>\"}"]) == 3)
    #expect(try beginning(["tokenizer_config.json": "{\"bos_token\": {\"content\": \"a\"}}"]) == 1)
    #expect(try beginning(["tokenizer_config.json": "{\"bos_token\": \"nowhere\"}"]) == nil)
    #expect(try beginning(["special_tokens_map.json": "{\"bos_token\": \"b\"}"]) == 2)
    #expect(try beginning(["config.json": "{\"bos_token_id\": 2}"]) == 2)
    #expect(try beginning(["config.json": "{\"bos_token_id\": 4}"]) == nil)
    #expect(try beginning(["config.json": "{\"bos_token_id\": -1}"]) == nil)
    #expect(
      try beginning([
        "tokenizer_config.json": "{\"bos_token\": \"<s>\"}", "config.json": "{\"bos_token_id\": 2}",
      ]) == 3)
    #expect(
      try beginning([
        "tokenizer_config.json": "{\"bos_token\": null}", "config.json": "{\"bos_token_id\": 2}",
      ]) == nil, "an explicit null means that there is none")
    #expect(
      try beginning([
        "tokenizer.json": Self.wordsWithTemplate,
        "tokenizer_config.json": "{\"bos_token\": \"b\"}",
      ]) == 3, "the post-processor comes first")
  }

  @Test func promptsUnderEachPolicy() throws {
    let tokenizer = try Tokenizer(
      document: JSON(
        parsing: Self.wordsWithTemplate.utf8, file: "tokenizer.json"))
    #expect(try tokenizer.prompt("a b", bos: .auto) == [3, 1, 2, 1])
    #expect(try tokenizer.prompt("a b", bos: .always) == [3, 1, 2])
    #expect(try tokenizer.prompt("a b", bos: .never) == [1, 2])
    #expect(try tokenizer.prompt("", bos: .auto) == [3, 1])
    #expect(try tokenizer.prompt("", bos: .always) == [3])
    #expect(throws: TokenizationError.emptyPrompt(policy: .never)) {
      try tokenizer.prompt(" ", bos: .never)
    }
    func spans(_ bos: BOSPolicy) throws -> [Tokenizer.Span] {
      try tokenizer.promptWithOffsets("a b", bos: bos)
    }
    #expect(try spans(.auto).map(\.id) == [3, 1, 2, 1])
    #expect(try spans(.auto).map(\.utf8Range) == [0..<0, 0..<1, 2..<3, 3..<3])
    #expect(try spans(.always).map(\.utf8Range) == [0..<0, 0..<1, 2..<3])
    #expect(try spans(.never).map(\.utf8Range) == [0..<1, 2..<3])
    #expect(tokenizer.summary.autoPrefix == [3])
    #expect(tokenizer.summary.autoSuffix == [1])
    #expect(tokenizer.summary.beginningOfSequencePiece == "<s>")
    #expect(tokenizer.summary.unknownToken == 0)
    #expect(tokenizer.summary.vocabularySize == 4)
  }

  @Test func noBeginningOfSequence() throws {
    let tokenizer = try Tokenizer(document: JSON(parsing: Self.words.utf8, file: "tokenizer.json"))
    #expect(throws: TokenizationError.noBeginningOfSequence) {
      try tokenizer.prompt("a", bos: .always)
    }
    #expect(throws: TokenizationError.emptyPrompt(policy: .auto)) {
      try tokenizer.prompt("", bos: .auto)
    }
    #expect(
      TokenizationError.emptyPrompt(policy: .auto).description
        == "the prompt has no tokens under bos: auto; give it text, or a token at its start with "
        + "bos: always")
  }

  @Test func anUnknownWordWithoutAnUnknownToken() throws {
    let tokenizer = try Tokenizer(document: [
      "model": ["type": "WordLevel", "unk_token": "<unk>", "vocab": ["a": 0]]
    ])
    #expect(tokenizer.unknownToken == nil)
    #expect(
      throws: TokenizationError.inexpressible(
        text: "b", remedy: "the unk_token '<unk>' is not in the vocabulary either")
    ) { try tokenizer.encode("b") }
  }
}
