// The samples of a run as lm-evaluation-harness logs its own (--log_samples), beside samples.csv and made from the same
// lines of the journal, so that they too are the same bytes however the run was carried out.
//
// Source of the form: lm_eval 0.4, `evaluator.py` and `loggers/evaluation_tracker.py`.

import CheckpointIO

extension RunFolder {
  /// Writes `samples_<task>_<run_id>.jsonl` for each task of the run: an object a line, in the order of samples.csv.
  ///
  /// - Returns: the files, none where the run has no samples.
  func writeHarnessSamples(_ cells: FinishedCells, _ conclusion: [UInt8]?) throws -> [Output] {
    guard let schema = cells.plan.table(TableSchema.samples.file) else { return [] }
    func records(_ block: Int) throws -> [TableRecord] {
      let lines =
        block < cells.plan.cells.count ? try cells.lines(block, schema.file) : conclusion
      return try lines.map {
        try CSVReader.table($0, schema, file: journalPath, hasHeader: false).records
      } ?? []
    }
    var files: [(name: String, blocks: [Int])] = []
    for block in 0...cells.plan.cells.count {
      for record in try records(block) {
        let name = fileName(of: record)
        if let place = files.firstIndex(where: { $0.name == name }) {
          if files[place].blocks.last != block { files[place].blocks.append(block) }
        } else {
          files.append((name, [block]))
        }
      }
    }
    return try files.map { file in
      var hash = SHA256()
      var (size, rows) = (0, 0)
      try AtomicFile.write(to: "\(path)/\(file.name)") { output in
        for block in file.blocks {
          let own = try records(block).filter { fileName(of: $0) == file.name }
          let text = own.map { schema.harnessSample($0).serialized(pretty: false) + "\n" }.joined()
          let bytes = Array(text.utf8)
          hash.update(bytes)
          size += bytes.count
          rows += own.count
          try output.append(bytes)
        }
      }
      return Output(file: file.name, size: size, rows: rows, sha256: hash.digest)
    }
  }

  /// As the harness names files, by task; rows of prompts that belong to none are under `prompts`.
  private func fileName(of record: TableRecord) -> String {
    var task = "prompts"
    if case .text(let name) = record["task"] { task = name }
    let plain = task.map {
      $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_"
    }
    return "samples_\(String(plain))_\(inputs.runID).jsonl"
  }
}

extension TableSchema {
  /// The columns that have a key of their own in the harness's form; all others describe the document.
  private static let apart: Set = [
    "run_id", "example", "target", "prediction", "correct", "target_rank", "target_logprob",
    "logit_diff", "prompt_sha256",
  ]

  /// A row of samples.csv in the harness's form.
  ///
  /// `doc` holds the query and where the example was observed, the condition is the `filter`, and `acc` is `correct`.
  /// `arguments` has the query alone, since the prompt around it is kept by its digest only, which is `prompt_hash`.
  fileprivate func harnessSample(_ record: TableRecord) -> JSON {
    func text(_ column: String) -> String {
      if case .text(let text) = record[column] { text } else { "" }
    }
    var doc = JSONObject()
    for column in columns where !Self.apart.contains(column.name) {
      doc[column.name] = record[column.name].json
    }
    let metrics = [
      ("acc", "correct"), ("target_rank", "target_rank"), ("target_logprob", "target_logprob"),
      ("logit_diff", "logit_diff"),
    ].compactMap { name, column in record[column].json.map { (name, $0) } }
    let prediction: JSON = .string(text("prediction"))
    var sample: JSONObject = [
      "doc_id": record["example"].json ?? .null, "doc": .object(doc),
      "target": .string(text("target")),
      "arguments": [
        "gen_args_0": ["arg_0": .string(text("query")), "arg_1": ["do_sample": false]]
      ],
      "resps": [[prediction]], "filtered_resps": [prediction],
      "filter": .string(text("condition")), "metrics": .array(metrics.map { .string($0.0) }),
      "doc_hash": .string(SHA256.digest(of: JSON.object(doc).serialized(pretty: true).utf8)),
      "prompt_hash": .string(text("prompt_sha256")),
      "target_hash": .string(SHA256.digest(of: text("target").utf8)),
    ]
    for (name, value) in metrics { sample[name] = value }
    return .object(sample)
  }
}

extension TableValue {
  fileprivate var json: JSON? {
    switch self {
    case .empty: nil
    case .text(let text): .string(text)
    case .integer(let integer): .integer(integer)
    case .number(let number): .number(number)
    }
  }
}
