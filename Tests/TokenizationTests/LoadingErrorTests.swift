// Every way a tokenizer.json can be wrong that has a sentence of its own, word for word.

import CheckpointIO
import Testing
import Tokenization

@Suite struct LoadingErrorTests {
  private static let model: JSON = [
    "type": "BPE", "vocab": ["a": 0, "b": 1, "ab": 2], "merges": [["a", "b"]],
  ]

  private func sentence(_ document: JSON) -> String {
    do {
      _ = try Tokenizer(document: document)
      return "no error"
    } catch { return String(describing: error) }
  }

  /// The sentence for a good document with one part replaced.
  private func sentence(_ key: String, _ part: JSON) -> String {
    var document: JSONObject = ["model": Self.model]
    document[key] = part
    return sentence(.object(document))
  }

  @Test func aGoodDocumentLoads() throws {
    #expect(sentence(["model": Self.model]) == "no error")
    #expect(try Tokenizer(document: ["model": Self.model]).encode("ab") == [2])
  }

  /// A unigram model with one key replaced.
  private func unigramSentence(_ key: String, _ value: JSON) -> String {
    var model: JSONObject = [
      "type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5]],
    ]
    model[key] = value
    return sentence(["model": .object(model)])
  }

  @Test func unigramModels() {
    #expect(unigramSentence("byte_fallback", true) == "no error")
    #expect(
      unigramSentence("unk_id", 2)
        == "tokenizer.json: model.unk_id is the integer 2, expected an id below 2, the size of the "
        + "vocabulary")
    #expect(
      unigramSentence("vocab", [["a", -1], ["a", -2]])
        == "tokenizer.json: model.vocab[1] has the piece 'a' a second time")
    #expect(
      unigramSentence("vocab", [["a", "b"]])
        == "tokenizer.json: model.vocab[0] is an array of 2, expected a piece and its score, "
        + "[\"a\", -1.5]")
    #expect(
      sentence("normalizer", ["type": "Precompiled", "precompiled_charsmap": "AAAA!"])
        == "tokenizer.json: normalizer.precompiled_charsmap is the string 'AAAA!', expected "
        + "SentencePiece's table in base64")
    #expect(
      sentence("normalizer", ["type": "Precompiled", "precompiled_charsmap": ""]) == "no error")
  }

  /// The unknown token is asked for only by a character without a piece of its own.
  @Test func aUnigramModelWithoutAnUnknownToken() throws {
    let tokenizer = try Tokenizer(
      document: [
        "model": [
          "type": "Unigram", "unk_id": .null, "vocab": [["a", -1], ["b", -1], ["ab", -1.5]],
        ]
      ])
    #expect(try tokenizer.encode("aab") == [0, 2])
    #expect(throws: TokenizationError.self) { try tokenizer.encode("ac") }
  }

  @Test func unsupportedComponents() {
    #expect(
      sentence("normalizer", ["type": "Nmt"])
        == "tokenizer.json: the normalizer 'Nmt' is not supported; supported: Sequence, Prepend, "
        + "Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip, Precompiled")
    #expect(
      sentence("pre_tokenizer", ["type": "UnicodeScripts"])
        == "tokenizer.json: the pre-tokenizer 'UnicodeScripts' is not supported; supported: "
        + "Sequence, "
        + "ByteLevel, Split, Digits, Whitespace, WhitespaceSplit, Punctuation, Metaspace")
    #expect(
      sentence("decoder", ["type": "Sequence", "decoders": [["type": "CTC"]]])
        == "tokenizer.json: the decoder 'CTC' is not supported; supported: Sequence, ByteLevel, "
        + "ByteFallback, Fuse, Replace, Strip, Metaspace")
    #expect(
      sentence("post_processor", ["type": "BertProcessing"])
        == "tokenizer.json: the post-processor 'BertProcessing' is not supported; supported: "
        + "Sequence, "
        + "TemplateProcessing, ByteLevel")
    #expect(
      sentence("model", ["type": "WordPiece"])
        == "tokenizer.json: the model 'WordPiece' is not supported; supported: BPE, "
        + "Unigram, WordLevel")
    #expect(
      sentence(
        "pre_tokenizer",
        ["type": "Split", "pattern": ["Regex": "\\d+"], "behavior": "Isolated", "invert": false])
        == "tokenizer.json: the pre-tokenizer Split with the regular expression '\\d+' is not "
        + "supported; supported: a String, the patterns of GPT-2, LLaMA 3 and Qwen2")
    #expect(
      sentence(
        "normalizer", ["type": "Replace", "pattern": ["Regex": " +"], "content": " "])
        == "tokenizer.json: the normalizer Replace with the regular expression ' +' is not "
        + "supported; supported: a String, ' {2,}'")
  }

  @Test func dropout() {
    func withDropout(_ dropout: JSON) -> JSON {
      ["type": "BPE", "dropout": dropout, "vocab": ["a": 0], "merges": []]
    }
    #expect(sentence("model", withDropout(.null)) == "no error")
    #expect(sentence("model", withDropout(0)) == "no error")
    #expect(sentence("model", withDropout(0.0)) == "no error")
    #expect(
      sentence("model", withDropout(0.1))
        == "tokenizer.json: the BPE dropout the number 0.1 is not supported; supported: null, 0")
  }

  @Test func malformedFields() {
    #expect(
      sentence("normalizer", "NFC")
        == "tokenizer.json: normalizer is the string 'NFC', expected an object")
    #expect(
      sentence("normalizer", ["type": "Sequence", "normalizers": [["type": "NFC"], 3]])
        == "tokenizer.json: normalizer.normalizers[1] is the integer 3, expected an object")
    #expect(
      sentence("pre_tokenizer", ["type": "ByteLevel"])
        == "tokenizer.json: pre_tokenizer.add_prefix_space is missing, expected true or false")
    #expect(
      sentence(
        "pre_tokenizer", ["type": "Split", "pattern": ["String": ""], "behavior": "Isolated"])
        == "tokenizer.json: pre_tokenizer.pattern.String is the string '', expected a string that "
        + "is "
        + "not empty")
    #expect(
      sentence("pre_tokenizer", ["type": "Split", "pattern": ["String": "-"], "behavior": "Kept"])
        == "tokenizer.json: pre_tokenizer.behavior is the string 'Kept', expected Removed, "
        + "Isolated, "
        + "MergedWithPrevious, MergedWithNext, Contiguous")
    #expect(
      sentence("decoder", ["type": "Strip", "content": "ab", "start": 1, "stop": 0])
        == "tokenizer.json: decoder.content is the string 'ab', expected a single character")
    #expect(
      sentence("decoder", ["type": "Strip", "content": " ", "start": -1, "stop": 0])
        == "tokenizer.json: decoder.start is the integer -1, expected an integer that is not "
        + "negative"
    )
    #expect(sentence(["model": []]) == "tokenizer.json: model is an array of 0, expected an object")
    #expect(sentence([:]) == "tokenizer.json: model is missing, expected an object")
    #expect(sentence([1]) == "tokenizer.json: the document is an array of 1, expected an object")
  }

  @Test func vocabularies() {
    func withVocabulary(_ vocabulary: JSON) -> JSON {
      ["type": "BPE", "vocab": vocabulary, "merges": []]
    }
    #expect(
      sentence("model", withVocabulary([:]))
        == "tokenizer.json: model.vocab is an object of 0 keys, expected an object of pieces and "
        + "ids"
    )
    #expect(
      sentence("model", withVocabulary(["a": -1]))
        == "tokenizer.json: the id of 'a' is the integer -1, expected an integer from 0 to 4194303")
    #expect(
      sentence("model", withVocabulary(["a": 0.5]))
        == "tokenizer.json: the id of 'a' is the number 0.5, expected an integer from 0 to 4194303")
    #expect(
      sentence("model", withVocabulary(["a": 4_194_304]))
        == "tokenizer.json: the id of 'a' is the integer 4194304, expected an integer from 0 to "
        + "4194303")
    #expect(
      sentence("model", withVocabulary(["a": 0, "b": 7, "c": 7]))
        == "tokenizer.json: the pieces 'b' and 'c' both have the id 7, expected one piece an id")
  }

  @Test func merges() {
    func withMerges(_ merges: JSON) -> JSON {
      ["type": "BPE", "vocab": ["a": 0, "b": 1, "ab": 2], "merges": merges]
    }
    let expected = ", expected two pieces, \"a b\" or [\"a\", \"b\"]"
    #expect(sentence("model", withMerges(["a b"])) == "no error")
    #expect(sentence("model", withMerges(["#version: 0.2", "a b"])) == "no error")
    #expect(
      sentence("model", withMerges(["a b c"]))
        == "tokenizer.json: model.merges[0] is 'a b c'" + expected)
    #expect(
      sentence("model", withMerges([["a", "b"], ["a"]]))
        == "tokenizer.json: model.merges[1] is an array of 1" + expected)
    #expect(
      sentence("model", withMerges([4])) == "tokenizer.json: model.merges[0] is the integer 4"
        + expected)
    #expect(
      sentence("model", withMerges([["a", "c"]]))
        == "tokenizer.json: merge 0 needs the piece 'c', which is not in the vocabulary")
    #expect(
      sentence("model", withMerges([["a", "b"], ["b", "a"]]))
        == "tokenizer.json: merge 1 needs the piece 'ba', which is not in the vocabulary")
  }

  @Test func addedTokens() {
    func token(_ content: String, _ id: Int) -> JSON {
      ["id": .integer(id), "content": .string(content), "special": true, "normalized": false]
    }
    #expect(sentence("added_tokens", [token("x", 3), token("y", 4), token("a", 0)]) == "no error")
    #expect(
      sentence("added_tokens", [token("x", 3), token("x", 4)])
        == "tokenizer.json: added_tokens[1] adds 'x' a second time")
    #expect(
      sentence("added_tokens", [token("x", 5)])
        == "tokenizer.json: added_tokens[0] gives 'x' the id 5, expected 3, under which Hugging "
        + "Face "
        + "tokenizers would file it; write that id or close the gap")
    #expect(
      sentence("added_tokens", [token("a", 3)])
        == "tokenizer.json: added_tokens[0] gives 'a' the id 3, expected 0, under which Hugging "
        + "Face "
        + "tokenizers would file it; write that id or close the gap")
    #expect(
      sentence("added_tokens", [token("", 3)])
        == "tokenizer.json: added_tokens[0].content is the string '', expected a string that is "
        + "not "
        + "empty")
    let gap: JSON = [
      "added_tokens": [token("x", 2)],
      "model": ["type": "BPE", "vocab": ["a": 0, "b": 2], "merges": []],
    ]
    #expect(
      sentence(gap)
        == "tokenizer.json: added_tokens[0] gives 'x' the id 2, which the vocabulary has given away"
    )
    let vanishing: JSON = [
      "added_tokens": [["id": 3, "content": " "]],
      "normalizer": ["type": "Strip", "strip_left": true, "strip_right": true], "model": Self.model,
    ]
    #expect(
      sentence(vanishing)
        == "tokenizer.json: added_tokens[0]: nothing is left of ' ' after normalization, so that "
        + "it "
        + "would match everywhere; mark it as not normalized")
  }

  @Test func templates() {
    func template(_ single: JSON, _ ids: JSON = [0]) -> JSON {
      [
        "type": "TemplateProcessing", "single": single,
        "special_tokens": ["a": ["id": "a", "ids": ids, "tokens": ["a"]]],
      ]
    }
    let sequence: JSON = ["Sequence": ["id": "A", "type_id": 0]]
    func special(_ name: String) -> JSON { ["SpecialToken": ["id": .string(name), "type_id": 0]] }
    #expect(sentence("post_processor", template([special("a"), sequence])) == "no error")
    #expect(
      sentence("post_processor", template([special("a")]))
        == "tokenizer.json: post_processor.single does not hold the sequence A")
    #expect(
      sentence("post_processor", template([sequence, sequence]))
        == "tokenizer.json: post_processor.single must hold the sequence A once and no other")
    #expect(
      sentence("post_processor", template([special("z"), sequence]))
        == "tokenizer.json: post_processor.special_tokens has no entry for 'z', which the "
        + "template uses"
    )
    #expect(
      sentence("post_processor", template([special("a"), sequence], [9]))
        == "tokenizer.json: post_processor.special_tokens.a.ids is an array of 1, expected ids of "
        + "the "
        + "vocabulary")
  }

  @Test func namesFromTheFileAreQuotedSafely() {
    #expect(
      sentence("normalizer", ["type": "\u{1B}[31mNFC"])
        .hasPrefix("tokenizer.json: the normalizer '\\u{1b}[31mNFC' is not supported"))
  }
}
