// A rehearsal: a probe's own cells, run on miniatures of its models, with every pass counted as it would be at full
// size. It finds what a run would find (a prompt that is too long, a hook that is not there) and touches no weights.

import TensorCore

/// What a run would take.
public struct Rehearsal: Sendable {
  /// A cell with its work.
  public struct Part: Sendable {
    public let cell: Cell
    public let work: Work
    /// Seconds of everything but the models' arithmetic: prompts, statistics, rows.
    public let overhead: Double
    /// False where the work is that of the group's other cells, in proportion to their costs.
    public let isRehearsed: Bool
  }

  /// In the plan's order.
  public let parts: [Part]
  /// Bytes of all models' packed weights.
  public let weightBytes: Int

  public var work: Work { parts.reduce(Work()) { $0 + $1.work } }

  /// The groups of cells in the plan's order.
  public var groups: [(name: String, parts: [Part])] {
    var names: [String] = []
    for part in parts where names.last != part.cell.group && !names.contains(part.cell.group) {
      names.append(part.cell.group)
    }
    return names.map { name in (name, parts.filter { $0.cell.group == name }) }
  }
}

extension PreparedProbe {
  /// Rehearses the cells; the probe was prepared on a context with this meter.
  ///
  /// - Parameter limit: seconds after which cells that are left take the work of those of their group in proportion to
  ///   cost; at least one of each group is rehearsed.
  /// - Throws: what the run would throw.
  public func rehearsed(on meter: WorkMeter, limit: Double = 20) throws -> Rehearsal {
    precondition(meter.kind == .rehearsing, "a rehearsal is told, not counted")
    let weightBytes = meter.heldBytes
    let clock = ContinuousClock()
    let start = clock.now
    var found = [Rehearsal.Part?](repeating: nil, count: plan.cells.count)
    for index in inTurns() {
      let cell = plan.cells[index]
      let hasOne = plan.cells.indices.contains {
        found[$0] != nil && plan.cells[$0].group == cell.group
      }
      guard !hasOne || (clock.now - start).seconds < limit else { continue }
      let began = clock.now
      if let work = cell.work {
        found[index] = Rehearsal.Part(cell: cell, work: work, overhead: 0, isRehearsed: true)
      } else {
        meter.reset()
        _ = try Resampling.rehearsed { try work(cell) }
        found[index] = Rehearsal.Part(
          cell: cell, work: meter.work, overhead: (clock.now - began).seconds, isRehearsed: true)
      }
    }
    let parts = plan.cells.indices.map { index in
      found[index] ?? estimated(plan.cells[index], from: found.compactMap { $0 })
    }
    return Rehearsal(parts: parts, weightBytes: weightBytes)
  }

  /// The cells' places, one of each group in turn.
  private func inTurns() -> [Int] {
    var turn: [String: Int] = [:]
    let turns = plan.cells.map { cell in
      turn[cell.group, default: 0] += 1
      return turn[cell.group, default: 0]
    }
    return turns.indices.sorted { (turns[$0], $0) < (turns[$1], $1) }
  }

  private func estimated(_ cell: Cell, from parts: [Rehearsal.Part]) -> Rehearsal.Part {
    let own = parts.filter { $0.cell.group == cell.group }
    let work = own.reduce(Work()) { $0 + $1.work }
    let share = cell.cost / own.reduce(0) { $0 + $1.cell.cost }
    return Rehearsal.Part(
      cell: cell,
      work: Work(
        floatingPointOperations: work.floatingPointOperations * share,
        tokens: Int((Double(work.tokens) * share).rounded()), bytes: work.bytes),
      overhead: own.reduce(0) { $0 + $1.overhead } * share, isRehearsed: false)
  }
}
