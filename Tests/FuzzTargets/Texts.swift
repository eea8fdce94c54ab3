// Tokenizers, tasks, data sets and tables: text from outside.

import CheckpointIO
import Foundation
import ICLTasks
import Probes
import TestSupport
import Tokenization

extension FuzzTarget {
  private static func tokenizers() throws -> [(name: String, json: JSON)] {
    let kinds = try JSON(contentsOf: fixture("tokenization/tiny.json"))["kinds"]?.objectValue
    return (kinds ?? JSONObject()).compactMap { name, kind in
      kind["tokenizer"].map { (name, $0) }
    }
  }

  /// A document, then a zero byte and a text for it.
  static let tokenizer = FuzzTarget(
    "tokenizer", longest: 10_000,
    seeds: {
      try tokenizers().map {
        Array($0.json.serialized(pretty: false).utf8) + Array("\0a -> é".utf8)
      }
    },
    prepare: { _ in
      { bytes in
        let parts = bytes.split(
          separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard
          let tokenizer = try taken({
            try Tokenizer(tokenizerJSON: parts[0], file: "tokenizer.json")
          })
        else { return }
        let text = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : "France -> Paris"
        _ = try use(tokenizer, text, mustReturn: false)
        _ = tokenizer.decode([-1, 0, 1, tokenizer.vocabularySize, .max, .min])
        _ = tokenizer.summary
      }
    })

  static let tokenizerText = FuzzTarget(
    "tokenizer-text", longest: 512,
    seeds: {
      [
        "", " ", "France -> Paris\nItaly ->", "<s> the  quick\tbrown\r\n", "e\u{301}\u{323} 日本語 😀",
        "\u{0}\u{FFFD}\u{10FFFF}\u{2581}\u{2581}", "don't we'll 3rd ١٢٣ ½ <|endoftext|>",
      ].map { Array($0.utf8) }
    },
    prepare: { _ in
      let all = try tokenizers().map { name, json in
        (
          name, try Tokenizer(tokenizerJSON: json.serialized(pretty: false).utf8, file: name)
        )
      }
      return { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        for (name, tokenizer) in all {
          _ = try use(tokenizer, text, mustReturn: name == "gpt2")
        }
      }
    })

  /// vocab.json, a zero byte, merges.txt.
  static let merges = FuzzTarget(
    "merges",
    seeds: {
      [
        #"{"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3, "Ġ": 4, "Ġa": 5}"#
          + "\0#version: 0.2\na b\nĠ a\n",
        #"{"a": 0, "b": 1, "ab": 2}"# + "\0a b",
      ].map { Array($0.utf8) }
    },
    prepare: { sandbox in
      { bytes in
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        try sandbox.write(Array(parts[0]), to: "vocab.json")
        try sandbox.write(parts.count > 1 ? Array(parts[1]) : [], to: "merges.txt")
        guard let tokenizer = try taken({ try Tokenizer.load(folder: sandbox.path) }) else {
          return
        }
        _ = try use(tokenizer, "ab a b<|endoftext|>ba", mustReturn: false)
      }
    })

  private static func use(
    _ tokenizer: Tokenizer, _ text: String, mustReturn: Bool
  ) throws {
    guard let ids = try taken({ try tokenizer.encode(text) }) else { return }
    try require(
      ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize }, "an id beyond the vocabulary")
    let spans = try tokenizer.encodeWithOffsets(text)
    try require(spans.map(\.id) == ids, "other ids with offsets")
    try require(
      spans.allSatisfy { $0.utf8Range.upperBound <= text.utf8.count }, "an offset beyond the text")
    let decoded = tokenizer.decode(ids)
    if mustReturn {
      try require(
        decoded.utf8.elementsEqual(text.utf8), "\(text.debugDescription) came back changed")
    }
    for policy in [BOSPolicy.auto, .always, .never] {
      if let prompt = try taken({ try tokenizer.prompt(text, bos: policy) }) {
        try require(
          try tokenizer.promptWithOffsets(text, bos: policy).map(\.id) == prompt,
          "other ids of the prompt")
      }
    }
  }

  static let task = FuzzTarget(
    "task", longest: 2048,
    seeds: {
      [
        #"{"name": "t", "category": "c", "source": "s", "input_domain": "d", "inverse_of": "u", "pairs": [{"input": "a", "output": "b", "accept": ["c", "d"]}, {"input": "e", "output": "f"}]}"#,
        #"{"a": "b", "c": 4, "d": ["e", 5], "f": "g"}"#,
        #"[{"input": "a", "output": "b"}, {"input": 3, "output": ["c"]}, {"input": "a", "output": "d"}]"#,
        #"{"name": "t", "category": "c", "source": "s", "pairs": [{"input": "e\u0301", "output": "\u00e9"}]}"#,
      ].map { Array($0.utf8) }
    },
    prepare: { sandbox in
      let folder = try sandbox.makeFolder("tasks/c")
      return { bytes in
        let path = try sandbox.write(bytes, to: "tasks/c/t.json")
        guard let file = try taken({ try TaskFile(contentsOf: path) }) else { return }
        let pairs = file.task.pairs
        try require(!pairs.isEmpty, "a task without pairs")
        try require(
          Set(pairs.map { Array($0.input.utf8) }).count == pairs.count, "an input twice")
        try require(
          pairs.allSatisfy { !$0.input.isEmpty && !$0.answers.contains("") }, "an empty text")
        _ = file.task.digestBytes
        _ = try taken { try TaskLibrary(folder: folder) }
      }
    })

  static let harnessSamples = FuzzTarget(
    "harness-samples", longest: 2048,
    seeds: {
      [
        #"{"doc_id": 0, "doc": {"q": "a"}, "target": "1", "arguments": {"gen_args_0": {"arg_0": "a", "arg_1": " b"}, "gen_args_1": {"arg_0": "a", "arg_1": " c"}}, "resps": [[["-1.5", "False"]]], "filtered_resps": [["-1.5", "False"]], "acc": 1.0}"#
          + "\n",
        #"{"doc_id": 0, "target": "d", "arguments": {"gen_args_0": {"arg_0": "a\nb", "arg_1": {"until": ["\n"]}}}}"#
          + "\n" + #"{"doc_id": 1, "target": 5, "arguments": [["e", {}]]}"#,
        #"{"target": "x", "arguments": [["a", " x"]]}"# + "\n"
          + #"{"target": "c", "arguments": [["a", " b"], ["a", " c"]]}"#,
      ].map { Array($0.utf8) }
    },
    prepare: { sandbox in
      { bytes in
        let path = try sandbox.write(bytes, to: "samples_t_2026-01-01.jsonl")
        guard let file = try taken({ try TaskFile(contentsOf: path) }) else { return }
        try require(
          file.task.name == "t" && !file.task.pairs.isEmpty, "a task without name or pairs")
        let inputs = file.task.pairs.map { Array($0.input.utf8) }
        try require(Set(inputs).count == inputs.count, "an input twice")
        try require(
          file.task.pairs.allSatisfy { !$0.input.isEmpty && !$0.answers.contains("") },
          "an empty text")
        _ = file.task.digestBytes
      }
    })

  /// The first byte says in which format: j, c, t.
  static let classification = FuzzTarget(
    "classification", longest: 1024,
    seeds: {
      [
        "j{\"sentence\": \"good\", \"label\": 1}\n{\"sentence\": \"bad\", \"label\": \"no\", \"split\": \"test\", \"idx\": 3}\n",
        "j{\"premise\": \"a\", \"hypothesis\": \"b\", \"label\": 0}\n",
        "csentence,label\n\"a, \"\"b\"\"\",1\r\nc,0\n", "tsentence_1\tsentence_2\tlabel\na\tb\tx\n",
      ].map { Array($0.utf8) }
    },
    prepare: { sandbox in
      { bytes in
        let ending = ["c": "csv", "t": "tsv"][String(decoding: bytes.prefix(1), as: UTF8.self)]
        let path = try sandbox.write(Array(bytes.dropFirst()), to: "d.\(ending ?? "jsonl")")
        guard let set = try taken({ try ClassificationDataset(contentsOf: path) }) else { return }
        try require(!set.examples.isEmpty, "no example")
        let labels = Set(set.examples.map(\.label)).sorted()
        let template = ClassificationTemplate(
          name: set.name, prompt: .arrow, labels: labels.map { .init($0, $0) })
        _ = try taken { try template.task(of: set, split: "test") }
        _ = try taken { try template.task(of: set, split: nil) }
      }
    })

  /// The first byte says of which table.
  static let csv = FuzzTarget(
    "csv", longest: 2048,
    seeds: {
      let tables: [[UInt8]] = try ["results.csv", "samples.csv"].enumerated().map { index, name in
        let lines = try FileReading.readFile(fixture("command/\(name)")).split(separator: 0x0A)
        return [UInt8(index)] + lines.prefix(4).joined(separator: [0x0A]) + [0x0A]
      }
      return tables + [
        [2] + Array("run_id,model,task,hook,layer,rank,token_id,token,logit,probability\n".utf8)
      ]
    },
    prepare: { _ in
      let schemas = [TableSchema.results, .samples, .tokens]
      return { bytes in
        let schema = schemas[Int(bytes.first ?? 0) % schemas.count]
        let text = Array(bytes.dropFirst())
        guard let table = try taken({ try CSVReader.table(text, schema, file: "t.csv") }) else {
          return
        }
        // What the reader takes is exactly what the encoder writes.
        try require(table.csv == text, "written otherwise")
        _ = try taken { try table.rows(as: ResultRow.self, of: schema) }
      }
    })
}

extension Table {
  /// The rows as typed ones where the schema is theirs.
  fileprivate func rows<Row: TableRow>(as type: Row.Type, of schema: TableSchema) throws -> [Row] {
    schema.file == Row.schema.file ? try rows(as: type) : []
  }
}
