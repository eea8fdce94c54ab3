// The unit of a sweep: one cell of model × task × seed × …, computed whole or not at all.

import TensorCore

/// A cell of a sweep.
public struct Cell: Sendable, Hashable {
  /// Names the cell, and seeds what is drawn in it: `ts-softmax/capital/seed 41`. No two are the same.
  public let key: String
  /// How much work it is, in any unit that is the same for all cells of a run; multiplications and additions where the
  /// run reads no checkpoint.
  public let cost: Double
  /// What it takes, where its probe says so; nil where a rehearsal on miniature models shows it, which is right for
  /// every probe whose work is in the models of a `ProbeModel`.
  public let work: Work?

  /// - Parameters:
  ///   - key: not empty; no other cell of the run has it.
  ///   - cost: above 0.
  ///   - work: what it takes, where a rehearsal would not show it.
  public init(key: String, cost: Double = 1, work: Work? = nil) {
    precondition(!key.isEmpty && cost > 0 && cost.isFinite, "cell '\(key)' of cost \(cost)")
    self.key = key
    self.cost = cost
    self.work = work
  }

  /// The model, or what else stands first in the key: what cells of like speed have in common.
  public var group: String { key.split(separator: "/").first.map(String.init) ?? key }
}

/// What a run is going to do: its cells in the order of the rows, and its tables.
public struct RunPlan: Sendable, Equatable {
  /// In the order of the rows.
  public let cells: [Cell]
  /// The tables that will be written, in this order, rows or not.
  public let tables: [TableSchema]
  /// What run.json says beside the standard keys, under `details`: BOS policies, class defaults that
  /// stood in for keys a config.json left out, tokenizers.
  public let details: RunDetails

  public init(cells: [Cell], tables: [TableSchema], details: RunDetails = RunDetails()) {
    precondition(
      Set(cells.map(\.key)).count == cells.count, "two cells have the same key")
    _ = ColumnDictionary(tables)
    self.cells = cells
    self.tables = tables
    self.details = details
  }

  /// What a journal must agree with: the order of cells and the columns of tables.
  var digest: String {
    let columns = tables.map { table in
      ([table.file] + table.columns.map(\.name)).joined(separator: ",")
    }
    return SHA256.digest(of: (cells.map(\.key) + [""] + columns).joined(separator: "\n").utf8)
  }

  func table(_ file: String) -> TableSchema? { tables.first { $0.file == file } }
}
