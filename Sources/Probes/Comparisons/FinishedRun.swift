// A finished run as it lies in its folder, opened for reading: run.json, columns.json and the tables. What `diff` and
// `replay` begin with. Nothing of the code that made the run is needed, nor asked whether it is still the same.

import CheckpointIO

/// The folder of a finished run.
public struct FinishedRun: Sendable {
  /// The folder, without a slash at its end.
  public let path: String
  /// run.json.
  public let record: JSON
  /// Its tables, in the order of columns.json.
  public let schemas: [TableSchema]

  /// - Throws: `RunError.missing` where there is no finished run; `.invalidInput` where its files are not as a run
  ///   writes them; `CheckpointError` where they cannot be read.
  public init(path: String) throws {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard FileReading.kind(of: "\(self.path)/\(RunFolder.recordName)") == .file else {
      let isUnfinished = FileReading.kind(of: "\(self.path)/\(RunFolder.workName)") == .folder
      throw RunError.missing(
        file: "\(self.path)/\(RunFolder.recordName)",
        fact: isUnfinished
          ? "the run is unfinished; `run --resume` finishes it"
          : "there is no such file; a finished run's folder was expected")
    }
    record = try JSON(contentsOf: "\(self.path)/\(RunFolder.recordName)")
    let columns = "\(self.path)/\(RunFolder.columnsName)"
    let tables = try JSON(contentsOf: columns)["tables"]?.objectValue ?? JSONObject()
    schemas = try tables.map { file, table in
      guard let schema = TableSchema(file: file, dictionary: table) else {
        throw RunError.invalidInput(
          subject: columns,
          fact: "the columns of '\(file)' are not described as a run describes them")
      }
      return schema
    }
  }

  /// The table in `file`, such as results.csv.
  ///
  /// - Throws: `RunError.missing` where the run has no such table; `.invalidTable`; `CheckpointError`.
  public func table(_ file: String) throws -> Table {
    guard let schema = schemas.first(where: { $0.file == file }) else {
      throw RunError.missing(
        file: "\(path)/\(file)",
        fact: "the run has no such table, but \(schemas.map(\.file).joined(separator: ", "))")
    }
    return try CSVReader.table(at: "\(path)/\(file)", schema)
  }

  /// What decided the run's numbers and differs from another's, in words: spec, precision, contents of files, version.
  public func differences(from other: FinishedRun) -> [String] {
    var found: [TreeDifference] = []
    for key in ["probe", "version", "precision"] {
      found += TreeDifference.all(record[key], other.record[key], at: key)
    }
    found += TreeDifference.all(record["spec"], other.record["spec"])
    found += TreeDifference.all(Self.digests(record), Self.digests(other.record))
    return found.map { "\($0.key): \($0.first) and \($0.second)" }
  }

  /// Whether the run keeps samples, but not in lm-evaluation-harness's form.
  public var lacksHarnessSamples: Bool {
    let outputs = record["outputs"]?.arrayValue ?? []
    return outputs.contains {
      $0["file"]?.stringValue == TableSchema.samples.file && ($0["rows"]?.intValue ?? 0) > 0
    } && !outputs.contains { $0["file"]?.stringValue?.hasSuffix(".jsonl") ?? false }
  }

  /// The digest of each file, by role and name.
  private static func digests(_ record: JSON) -> JSON {
    .object(
      JSONObject(
        (record["files"]?.arrayValue ?? []).map { file in
          (
            "\(file["role"]?.stringValue ?? "file") \(file["name"]?.stringValue ?? "without name")",
            .string(String((file["sha256"]?.stringValue ?? "").prefix(12)))
          )
        }))
  }
}

extension TableSchema {
  /// The schema that columns.json describes; `nil` where it is not one.
  init?(file: String, dictionary: JSON) {
    let described = dictionary["columns"]?.arrayValue ?? []
    let columns = described.compactMap { Column(dictionary: $0) }
    guard columns.count == described.count, columns.count >= 2,
      Set(columns.map(\.name)).count == columns.count,
      file.hasSuffix(".csv"), !file.contains("/"), !file.hasPrefix(".")
    else { return nil }
    self.init(file: file, meaning: dictionary["row"]?.stringValue ?? "", columns: columns)
  }
}

extension Column {
  /// The column that columns.json describes; `nil` where it is not one.
  init?(dictionary: JSON) {
    guard let name = dictionary["name"]?.stringValue, Self.isName(name),
      let kind = dictionary["kind"]?.stringValue.flatMap(Kind.init(rawValue:)),
      let meaning = dictionary["meaning"]?.stringValue, !meaning.isEmpty
    else { return nil }
    let empty = dictionary["empty"]?.stringValue
    self.init(
      name, kind, meaning, formula: dictionary["formula"]?.stringValue,
      unit: dictionary["unit"]?.stringValue, range: dictionary["range"]?.stringValue,
      whenEmpty: empty == "never" ? nil : empty, source: dictionary["source"]?.stringValue)
  }
}
