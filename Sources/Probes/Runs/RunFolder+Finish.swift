// The end of a run: tables from the journal in the plan's order, columns.json, vectors and, last of all,
// run.json, each complete from the moment it has its name.

import CheckpointIO

extension RunFolder {
  /// Writes the final files and removes the journal.
  ///
  /// - Returns: the files' names.
  func finish(
    _ cells: FinishedCells, _ conclusion: CellOutput, sessions: [RunEnvironment.Session],
    spreadsheetSafe: Bool, harnessSamples: Bool
  ) throws -> [String] {
    var outputs: [Output] = []
    let last = cells.plan.lines(of: conclusion, run: inputs.identity)
    for table in cells.plan.tables {
      outputs.append(
        try write(
          table, cells, last.first { $0.file == table.file }, spreadsheetSafe: spreadsheetSafe))
    }
    let columns = ColumnDictionary(cells.plan.tables).json.serialized(pretty: true) + "\n"
    try AtomicFile.write(columns, to: "\(path)/\(Self.columnsName)")
    outputs.append(
      Output(
        file: Self.columnsName, size: columns.utf8.count, rows: nil,
        sha256: SHA256.digest(of: columns.utf8)))
    if harnessSamples {
      outputs += try writeHarnessSamples(
        cells, last.first { $0.file == TableSchema.samples.file }?.lines)
    }
    if let vectors = try writeAllVectors(cells, conclusion) { outputs.append(vectors) }

    var record = record(cells, conclusion, sessions, outputs)
    if spreadsheetSafe { record["spreadsheet_safe"] = true }
    let text = JSON.object(record).serialized(pretty: true) + "\n"
    try AtomicFile.write(text, to: "\(path)/\(Self.recordName)")
    try removeWork()
    removeLock()
    return outputs.map(\.file) + [Self.recordName]
  }

  /// A final file, as run.json lists it.
  struct Output {
    let file: String
    let size: Int
    let rows: Int?
    let sha256: String

    var json: JSON {
      var object: JSONObject = ["file": .string(file), "bytes": .integer(size)]
      if let rows { object["rows"] = .integer(rows) }
      object["sha256"] = .string(sha256)
      return .object(object)
    }
  }

  private func write(
    _ table: TableSchema, _ cells: FinishedCells,
    _ conclusion: (file: String, rows: Int, lines: [UInt8])?, spreadsheetSafe: Bool
  ) throws -> Output {
    var hash = SHA256()
    var rows = conclusion?.rows ?? 0
    for entry in cells.entries {
      rows += entry.blocks.filter { $0.file == table.file }.reduce(0) { $0 + $1.rows }
    }
    var header = CSVEncoder()
    header.appendHeader(table)
    var size = 0
    try AtomicFile.write(to: "\(path)/\(table.file)") { output in
      func append(_ lines: [UInt8], to output: inout AtomicFile.Output) throws {
        let bytes = try spreadsheetSafe ? self.spreadsheetSafe(lines, table) : lines
        hash.update(bytes)
        size += bytes.count
        try output.append(bytes)
      }
      hash.update(header.bytes)
      size += header.bytes.count
      try output.append(header.bytes)
      for index in cells.plan.cells.indices {
        if let lines = try cells.lines(index, table.file) { try append(lines, to: &output) }
      }
      if let conclusion { try append(conclusion.lines, to: &output) }
    }
    return Output(file: table.file, size: size, rows: rows, sha256: hash.digest)
  }

  private func record(
    _ cells: FinishedCells, _ conclusion: CellOutput, _ sessions: [RunEnvironment.Session],
    _ outputs: [Output]
  ) -> JSONObject {
    let details = cells.plan.details
    var total = CellNotes()
    var dropped = details.dropped.map { ("", $0) }
    for (cell, notes) in cells.notes {
      for (hook, count) in notes.hooks { total.add(hook, reads: count.reads, edits: count.edits) }
      dropped += notes.dropped.map { (cell.key, $0) }
    }
    for (hook, count) in conclusion.notes.hooks {
      total.add(hook, reads: count.reads, edits: count.edits)
    }
    dropped += conclusion.notes.dropped.map { ("", $0) }
    var json: JSONObject = [
      "run_id": .string(inputs.runID), "probe": .string(inputs.probe),
      "version": .string(environment.version), "precision": .string(inputs.precision),
      "spec": inputs.spec.withoutFolders, "spec_as_given": inputs.spec.json,
      "files": .array(
        inputs.files.map { file in
          [
            "role": .string(file.role.rawValue), "name": .string(file.name),
            "bytes": .integer(file.size), "sha256": .string(file.sha256),
          ]
        }),
      "seeds": .array(details.seeds.map { .integer($0) }), "models": .object(details.models),
      "hooks": CellNotes.json(total.hooks),
      "dropped": .array(
        dropped.map { cell, item in
          var object = item.json.objectValue ?? JSONObject()
          if !cell.isEmpty { object["cell"] = .string(cell) }
          return .object(object)
        }),
    ]
    if !details.facts.isEmpty { json["details"] = .object(details.facts) }
    if !conclusion.notes.facts.isEmpty { json["conclusion"] = .object(conclusion.notes.facts) }
    json["cells"] = .array(
      zip(cells.plan.cells, cells.entries).map { cell, entry in
        var object: JSONObject = ["key": .string(cell.key), "seconds": .number(entry.seconds)]
        object["rows"] = .object(JSONObject(entry.blocks.map { ($0.file, .integer($0.rows)) }))
        if !entry.notes.facts.isEmpty { object["facts"] = .object(entry.notes.facts) }
        return .object(object)
      })
    json["seconds"] = .number(cells.entries.reduce(0) { $0 + $1.seconds })
    json["sessions"] = .array(sessions.map(\.json))
    json["finished"] = .string(RunEnvironment.Session.now())
    json["outputs"] = .array(outputs.map(\.json))
    return json
  }

  /// Lines of a journal with the texts that a spreadsheet would run made harmless.
  private func spreadsheetSafe(_ lines: [UInt8], _ schema: TableSchema) throws -> [UInt8] {
    var encoder = CSVEncoder(spreadsheetSafe: true)
    let table = try CSVReader.table(lines, schema, file: journalPath, hasHeader: false)
    for row in table.rows { encoder.append(row, schema) }
    return encoder.bytes
  }
}

extension RunFolder {
  /// Writes the vectors of a cell beside the journal; `nil` when it has none.
  func writeVectors(
    _ vectors: [RunVector], of index: Int
  ) throws -> JournalEntry.VectorFile? {
    guard !vectors.isEmpty else { return nil }
    try SystemFile.makeFolder(vectorsFolder)
    let name = "\(index).safetensors"
    let path = "\(vectorsFolder)/\(name)"
    try SafetensorsWriter.write(
      tensors: vectors.map(\.tensor), metadata: Self.metadata(vectors), to: path)
    let (sha256, size) = try SHA256.digest(ofFile: path)
    return JournalEntry.VectorFile(name: name, size: size, sha256: sha256)
  }

  /// Under each vector's name its metadata as JSON: safetensors has text only, and one level.
  private static func metadata(_ vectors: [RunVector]) -> [String: String] {
    var metadata: [String: String] = [:]
    for vector in vectors {
      let sorted = vector.metadata.sorted {
        $0.key.utf8.lexicographicallyPrecedes($1.key.utf8)
      }
      metadata[vector.tensor.name] =
        JSON.object(JSONObject(sorted.map { ($0.key, .string($0.value)) }))
        .serialized(pretty: false)
    }
    return metadata
  }

  /// Joins the vectors of all cells into one file.
  private func writeAllVectors(
    _ cells: FinishedCells, _ conclusion: CellOutput
  ) throws -> Output? {
    var tensors = conclusion.vectors.map(\.tensor)
    var metadata = Self.metadata(conclusion.vectors)
    for stored in cells.entries.compactMap(\.vectors) {
      let path = "\(vectorsFolder)/\(stored.name)"
      guard try SHA256.digest(ofFile: path) == (stored.sha256, stored.size) else {
        throw RunError.damagedJournal(
          file: path, fact: "these are not the vectors that were written; use --force to start anew"
        )
      }
      let file = try SafetensorsFile(path: path)
      for name in file.names {
        let view = try file.tensor(named: name)
        tensors.append(
          StoredTensor(
            name: name, dtype: view.dtype, shape: view.shape,
            bytes: view.withUnsafeBytes { Array($0) }))
      }
      metadata.merge(file.metadata) { first, _ in first }
    }
    guard !tensors.isEmpty else { return nil }
    precondition(metadata["run_id"] == nil && metadata["probe"] == nil, "a vector without a name")
    metadata["run_id"] = inputs.runID
    metadata["probe"] = inputs.probe
    let path = "\(path)/\(Self.vectorsName)"
    try SafetensorsWriter.write(tensors: tensors, metadata: metadata, to: path)
    let (sha256, size) = try SHA256.digest(ofFile: path)
    return Output(file: Self.vectorsName, size: size, rows: nil, sha256: sha256)
  }
}
