// The finished cells of a run, read back from its journal one at a time: what rows over all cells, such as
// means over tasks, are computed from.

import CheckpointIO

/// The finished cells, in the plan's order.
public struct FinishedCells {
  /// The run's plan.
  public let plan: RunPlan
  let journal: Journal
  /// For each cell of the plan its record.
  let records: [Int]
  let entries: [JournalEntry.FinishedCell]

  /// Calls `body` with each cell and its rows; vectors are left out.
  public func forEach(_ body: (Cell, CellOutput) throws -> Void) throws {
    for (index, cell) in plan.cells.enumerated() { try body(cell, try output(index)) }
  }

  /// All rows of results.csv, in their order.
  public func results() throws -> [ResultRow] {
    var rows: [ResultRow] = []
    for index in plan.cells.indices { rows += try typed(index, ResultRow.self) }
    return rows
  }

  /// All rows of samples.csv, in their order.
  public func samples() throws -> [SampleRow] {
    var rows: [SampleRow] = []
    for index in plan.cells.indices { rows += try typed(index, SampleRow.self) }
    return rows
  }

  /// What run.json says of each cell.
  public var notes: [(cell: Cell, notes: CellNotes)] {
    zip(plan.cells, entries).map { ($0, $1.notes) }
  }

  private func output(_ index: Int) throws -> CellOutput {
    var output = CellOutput()
    output.results = try typed(index, ResultRow.self)
    output.samples = try typed(index, SampleRow.self)
    output.tokens = try typed(index, TokenRow.self)
    let standard = [
      TableSchema.results.file, TableSchema.samples.file, TableSchema.tokens.file,
    ]
    for schema in plan.tables where !standard.contains(schema.file) {
      if let table = try table(index, schema.file) {
        output.tables.append(Table(schema, rows: table.rows))
      }
    }
    output.notes = entries[index].notes
    return output
  }

  private func typed<Row: TableRow>(_ index: Int, _ type: Row.Type) throws -> [Row] {
    try table(index, Row.schema.file)?.rows(as: Row.self) ?? []
  }

  private func table(_ index: Int, _ file: String) throws -> Table? {
    guard let schema = plan.table(file), let lines = try lines(index, file) else { return nil }
    return try CSVReader.table(lines, schema, file: journal.path, hasHeader: false)
  }

  /// The CSV lines of a cell in a table; `nil` where it has none.
  func lines(_ index: Int, _ file: String) throws -> [UInt8]? {
    guard let block = entries[index].blocks.first(where: { $0.file == file }) else { return nil }
    return try journal.contents(of: records[index], block.range)
  }
}
