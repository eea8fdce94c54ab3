// A row of a finished run, computed again: the cell that it came from is worked anew from the run's own spec, and the
// cell's lines are held against those that stand in the table.

import CheckpointIO

/// A row of a table, and the cell that made it.
public struct Replay {
  /// What came of it.
  public struct Outcome: Sendable, Equatable {
    /// The lines of the cell in the table, as they stand and as computed now.
    public let recorded: [String]
    /// As computed now.
    public let computed: [String]
    /// The place of the row among them.
    public let place: Int

    /// Whether every line of the cell is the same, byte by byte.
    public var isSame: Bool { recorded == computed }
    /// How many of the cell's lines are not as they stand.
    public var differing: Int {
      zip(recorded, computed).filter { $0 != $1 }.count + abs(recorded.count - computed.count)
    }
  }

  private let run: FinishedRun
  private let schema: TableSchema
  /// The cell's key; `nil` for a row over all cells.
  public let cell: String?
  private let rows: Range<Int>
  private let place: Int

  /// Finds the cell of a row.
  ///
  /// - Parameters:
  ///   - run: the run that the table is of.
  ///   - table: the table's file.
  ///   - row: counted from 0, the header not counted, as pandas does.
  /// - Throws: `RunError.invalidInput` for a row that is not there or a run.json that does not count its rows.
  public init(_ run: FinishedRun, table: String, row: Int) throws {
    self.run = run
    guard let schema = run.schemas.first(where: { $0.file == table }),
      let written = run.record["outputs"]?.arrayValue?.first(where: {
        $0["file"]?.stringValue == table
      })?["rows"]?.intValue
    else {
      _ = try run.table(table)
      throw Self.uncounted(run)
    }
    guard (0..<written).contains(row) else {
      throw RunError.invalidInput(
        subject: "\(run.path)/\(table)",
        fact: "there is no row \(row); the table has \(written), counted from 0")
    }
    self.schema = schema
    var begin = 0
    for cell in run.record["cells"]?.arrayValue ?? [] {
      guard let rows = cell["rows"]?.objectValue, let key = cell["key"]?.stringValue else {
        throw Self.uncounted(run)
      }
      let end = begin + (rows[table]?.intValue ?? 0)
      if row < end {
        (self.cell, self.rows, place) = (key, begin..<end, row - begin)
        return
      }
      begin = end
    }
    (cell, rows, place) = (nil, begin..<written, row - begin)
  }

  private static func uncounted(_ run: FinishedRun) -> RunError {
    .invalidInput(
      subject: "\(run.path)/\(RunFolder.recordName)",
      fact: "it does not say how many rows each cell has; the run was made by another version")
  }

  /// The run's spec, to be read and prepared again.
  public func spec() throws -> SpecTree {
    try SpecTree(
      run.record["spec_as_given"] ?? .null, file: "\(run.path)/\(RunFolder.recordName)")
  }

  /// Computes the cell again; all of them for a row over all.
  ///
  /// - Parameters:
  ///   - prepared: the probe, from `spec()`.
  ///   - environment: the program and the machine of today.
  ///   - folder: an empty folder for the work on a row over all cells.
  ///   - progress: told of each cell of a row over all cells.
  ///   - shouldStop: asked before each cell.
  /// - Throws: `RunError.refused` where the files are no longer those of the run, and what the probe's work throws.
  public func outcome(
    _ prepared: PreparedProbe, environment: RunEnvironment, folder: String,
    progress: (RunProgress) -> Void, shouldStop: () -> Bool
  ) throws -> Outcome {
    let differences = prepared.inputs.differences(from: run.record)
    guard differences.isEmpty else {
      throw RunError.refused(
        folder: run.path, fact: "what it was computed from has changed: \(differences[0])",
        remedy: "replay it with the files it was made of")
    }
    let recorded = try lines(try FileReading.readFile("\(run.path)/\(schema.file)"), rows)
    let computed: [String]
    if let cell {
      guard let planned = prepared.plan.cells.first(where: { $0.key == cell }) else {
        throw RunError.invalidInput(
          subject: run.path, fact: "this version has no cell '\(cell)' in the run's plan")
      }
      let output = try prepared.work(planned)
      let table = prepared.plan.lines(of: output, run: prepared.inputs.identity)
        .first { $0.file == schema.file }
      computed = try lines(table?.lines ?? [], nil)
    } else {
      guard
        case .ready(let again) = try RunFolder.open(
          folder, inputs: prepared.inputs, environment: environment, mode: .force)
      else { preconditionFailure("a run that was forced is finished") }
      _ = try again.execute(
        prepared.plan, stages: prepared.stages, progress: progress, shouldStop: shouldStop,
        conclude: prepared.conclude, work: prepared.work)
      let written = try FileReading.readFile("\(folder)/\(schema.file)")
      let all = try lines(written, nil)
      computed = Array(all.dropFirst(rows.lowerBound + 1))
    }
    return Outcome(recorded: recorded, computed: computed, place: place)
  }

  /// What differs in the row that was asked for, or in the first line of its cell that does: each column with what was
  /// recorded and what was computed.
  public func changes(_ outcome: Outcome) throws -> [String] {
    let both = Array(zip(outcome.recorded, outcome.computed))
    let differing = both.indices.filter { both[$0].0 != both[$0].1 }
    guard let line = differing.contains(outcome.place) ? outcome.place : differing.first else {
      return []
    }
    let records = try [both[line].0, both[line].1].flatMap {
      try CSVReader.table(Array(($0 + "\n").utf8), schema, file: schema.file, hasHeader: false)
        .records
    }
    return schema.columns.map(\.name).filter { records[0][$0] != records[1][$0] }.map {
      "row \(rows.lowerBound + line): \($0): recorded '\(records[0][$0].shown)', computed '\(records[1][$0].shown)'"
    }
  }

  /// The lines of CSV bytes as texts: those of some rows behind the header, or all.
  private func lines(_ bytes: [UInt8], _ rows: Range<Int>?) throws -> [String] {
    var scanner = CSVScanner(bytes: bytes, file: schema.file)
    var found: [String] = []
    while !scanner.isAtEnd {
      let begin = scanner.place
      _ = try scanner.nextLine(fieldCount: schema.columns.count)
      found.append(String(decoding: bytes[begin..<scanner.place - 1], as: UTF8.self))
    }
    guard let rows else { return found }
    guard rows.upperBound < found.count else {
      throw RunError.invalidInput(
        subject: "\(run.path)/\(schema.file)", fact: "rows are missing that run.json counts")
    }
    return Array(found[(rows.lowerBound + 1)..<(rows.upperBound + 1)])
  }
}
