// Carrying out a run: the cells that are not in the journal yet, one after another, each journalled when it
// is done; then the final files.

import CheckpointIO

/// What a finished run leaves.
public struct RunOutcome: Sendable, Equatable {
  /// Where the files are.
  public let folder: String
  /// 16 hexadecimal digits.
  public let runID: String
  /// The names of the final files, run.json last.
  public let files: [String]
  /// Cells that this session computed, and those of earlier ones.
  public let computed: Int
  /// Cells of earlier sessions.
  public let resumed: Int
}

extension RunFolder {
  /// Computes the cells of a plan that are not finished yet, in its order, and writes the final files; of a shard, its
  /// cells, and that they are done.
  ///
  /// A cell's rows are on disk before the next cell begins. Where the run is stopped, or killed at any
  /// moment, at most the cell in flight is lost; opening the folder with `.resume` and executing the same
  /// plan again gives the same bytes in every CSV as a run that was left alone.
  ///
  /// - Parameters:
  ///   - plan: the same one each time the run goes on.
  ///   - stages: what the cells share; kept in the journal while they are computed.
  ///   - spreadsheetSafe: whether texts in the tables that a spreadsheet would run get an apostrophe in front.
  ///   - harnessSamples: whether samples are also written as lm-evaluation-harness logs its own.
  ///   - progress: called before the first cell and after each.
  ///   - shouldStop: asked before each cell. `work` may ask too and throw `CancellationError`, which drops its cell.
  ///   - conclude: makes the rows over all cells, which come last in each table; called once all are done.
  ///   - work: computes a cell. Its rows must not depend on which cells were computed before.
  /// - Throws: `RunError.interrupted` when it was stopped; `.changed` when an input file changed meanwhile;
  ///   `.cannotWrite`, `.damagedJournal`; and what `work` and `conclude` throw. The finished cells are
  ///   kept in every case.
  public func execute(
    _ plan: RunPlan, stages: Stages = Stages(), spreadsheetSafe: Bool = false,
    harnessSamples: Bool = false,
    progress: (RunProgress) -> Void = { _ in },
    shouldStop: () -> Bool = { false },
    conclude: (FinishedCells) throws -> CellOutput = { _ in CellOutput() },
    work: (Cell) throws -> CellOutput
  ) throws -> RunOutcome {
    try SystemFile.makeFolder(self.work)
    var state = try RunState(journal: Journal(journalPath), plan: plan, folder: self)
    let places = plan.places(of: shard)
    let cells = places.map { plan.cells[$0] }
    let resumed = state.finished.count
    let clock = ContinuousClock()
    let start = clock.now
    let costTotal = cells.reduce(0) { $0 + $1.cost }
    let costBefore = cells.reduce(0) { $0 + (state.isFinished($1) ? $1.cost : 0) }
    var costNow = 0.0
    func report() {
      progress(
        RunProgress(
          finished: state.finished.count, resumed: resumed, total: cells.count,
          costBefore: costBefore, costNow: costNow, costTotal: costTotal,
          elapsed: (clock.now - start).seconds))
    }
    report()
    // Before a cell is believed: pages of a mapped file that is written to change without a signal.
    let check = { [inputs] in for file in inputs.files { try file.verifyUnchanged() } }
    stages.open(state.journal, state.stages, check: check)
    defer { stages.close() }
    for (index, cell) in zip(places, cells) where !state.isFinished(cell) {
      let began = clock.now
      do {
        if shouldStop() { throw CancellationError() }
        let output = try work(cell)
        try check()
        try state.append(output, of: cell, at: index, seconds: (clock.now - began).seconds)
      } catch is CancellationError {
        throw RunError.interrupted(
          folder: path, finished: state.finished.count, total: cells.count)
      }
      costNow += cell.cost
      report()
    }
    let files: [String]
    if let shard {
      try check()
      files = try finish(shard, of: plan)
    } else {
      let finished = try state.cells()
      let conclusion = try conclude(finished)
      try check()
      files = try finish(
        finished, conclusion, sessions: state.sessions, spreadsheetSafe: spreadsheetSafe,
        harnessSamples: harnessSamples)
    }
    return RunOutcome(
      folder: path, runID: inputs.runID, files: files, computed: cells.count - resumed,
      resumed: resumed)
  }
}

/// The journal of a run with what stands in it.
struct RunState {
  let journal: Journal
  private let plan: RunPlan
  private let folder: RunFolder
  /// The record of each finished cell, by key.
  private(set) var finished: [String: (record: Int, entry: JournalEntry.FinishedCell)] = [:]
  /// The record of each stage, by name.
  private(set) var stages: [String: Int] = [:]
  private(set) var sessions: [RunEnvironment.Session] = []

  /// Reads what is finished, and notes that a session begins.
  init(journal: Journal, plan: RunPlan, folder: RunFolder) throws {
    self.journal = journal
    self.plan = plan
    self.folder = folder
    let keys = Set(plan.cells.map(\.key))
    for record in journal.records.indices {
      switch try JournalEntry(journal.contents(of: record), file: journal.path).kind {
      case .plan(let digest):
        guard digest == plan.digest else { throw Self.otherPlan(journal) }
      case .stage(let name, _): stages[name] = record
      case .session(let session):
        sessions.append(session)
      case .cell(let cell):
        guard keys.contains(cell.key) else { throw Self.otherPlan(journal) }
        // A cell whose vectors are not as they were written is computed again; its later record counts.
        finished[cell.key] = hasVectors(cell) ? (record, cell) : nil
      }
    }
    if journal.records.isEmpty { try journal.append(JournalEntry.bytes(planDigest: plan.digest)) }
    let session = RunEnvironment.Session(folder.environment)
    try journal.append(JournalEntry.bytes(session))
    sessions.append(session)
  }

  private static func otherPlan(_ journal: Journal) -> RunError {
    .damagedJournal(
      file: journal.path, fact: "its cells are not those of this run; use --force to start anew")
  }

  func isFinished(_ cell: Cell) -> Bool { finished[cell.key] != nil }

  private func hasVectors(_ cell: JournalEntry.FinishedCell) -> Bool {
    guard let vectors = cell.vectors else { return true }
    let digest = try? SHA256.digest(ofFile: "\(folder.vectorsFolder)/\(vectors.name)")
    return digest.map { $0 == (vectors.sha256, vectors.size) } ?? false
  }

  /// Journals what a cell produced.
  mutating func append(
    _ output: CellOutput, of cell: Cell, at index: Int, seconds: Double
  ) throws {
    let contents = JournalEntry.bytes(
      cell: cell, seconds: seconds, notes: output.notes,
      tables: plan.lines(of: output, run: folder.inputs.identity),
      vectors: try folder.writeVectors(output.vectors, of: index))
    try journal.append(contents)
    guard case .cell(let entry) = try JournalEntry(contents, file: journal.path).kind else {
      preconditionFailure("the record of a cell is not one")
    }
    finished[cell.key] = (journal.records.count - 1, entry)
  }

  /// All cells, once they are finished.
  func cells() throws -> FinishedCells {
    let found = plan.cells.compactMap { finished[$0.key] }
    precondition(found.count == plan.cells.count, "a cell is missing from the journal")
    return FinishedCells(
      plan: plan, journal: journal, records: found.map(\.record), entries: found.map(\.entry))
  }
}

extension RunPlan {
  /// The CSV lines of an output in each table where it has rows, in the order of the tables.
  ///
  /// Stops the program for rows of a table that the plan does not name: they would be lost.
  func lines(
    of output: CellOutput, run: RunIdentity
  ) -> [(file: String, rows: Int, lines: [UInt8])] {
    var rows: [String: [[TableValue]]] = [:]
    func add<Row: TableRow>(_ typed: [Row]) {
      if !typed.isEmpty { rows[Row.schema.file, default: []] += typed.map { $0.values(of: run) } }
    }
    add(output.results)
    add(output.samples)
    add(output.tokens)
    for table in output.tables {
      precondition(
        self.table(table.schema.file).map { $0 == table.schema } ?? true,
        "\(table.schema.file) has other columns than in the run's plan")
      if !table.rows.isEmpty { rows[table.schema.file, default: []] += table.rows }
    }
    let found = tables.compactMap { schema in
      rows.removeValue(forKey: schema.file).map { rows in
        var encoder = CSVEncoder()
        for row in rows { encoder.append(row, schema) }
        return (schema.file, rows.count, encoder.bytes)
      }
    }
    precondition(rows.isEmpty, "the run's plan has no table \(rows.keys.sorted())")
    return found
  }
}

extension Duration {
  /// In seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
