// A rehearsal: a probe's own cells, run on miniatures of its models, with every pass counted as it would be at full
// size. It finds what a run would find (a prompt that is too long, a hook that is not there) and touches no weights.

import TensorCore

/// What a run would take.
public struct Rehearsal: Sendable {
  /// A cell with its work.
  public struct Part: Sendable {
    /// The cell.
    public let cell: Cell
    /// What it would take.
    public let work: Work
    /// Seconds of everything but the models' arithmetic: prompts, statistics, rows.
    public let overhead: Double
    /// False where the work is that of the group's other cells, in proportion to their costs.
    public let isRehearsed: Bool
  }

  /// In the plan's order.
  public let parts: [Part]
  /// What cells rest on, in no cell's work: each shard with a cell of a group computes the group's stages.
  public let stages: [Part]
  /// Bytes of all models' packed weights.
  public let weightBytes: Int

  /// Of all cells and stages together; bytes are the most of any.
  public var work: Work { (parts + stages).reduce(Work()) { $0 + $1.work } }

  /// The groups of cells in the plan's order.
  public var groups: [(name: String, parts: [Part])] {
    var names: [String] = []
    for part in parts where names.last != part.cell.group && !names.contains(part.cell.group) {
      names.append(part.cell.group)
    }
    return names.map { name in (name, parts.filter { $0.cell.group == name }) }
  }

  /// The stages that some cells rest on.
  public func stages(under cells: [Part]) -> [Part] {
    let groups = Set(cells.map(\.cell.group))
    return stages.filter { groups.contains($0.cell.group) }
  }
}

extension PreparedProbe {
  /// Rehearses the cells; the probe was prepared on a context with this meter.
  ///
  /// - Parameters:
  ///   - meter: rehearsing, and that of the probe's context.
  ///   - limit: seconds after which cells that are left take the work of those of their group in proportion to cost; at
  ///     least one of each group is rehearsed.
  /// - Throws: what the run would throw.
  public func rehearsed(on meter: WorkMeter, limit: Double = 5) throws -> Rehearsal {
    precondition(meter.kind == .rehearsing, "a rehearsal is told, not counted")
    let weightBytes = meter.heldBytes
    let clock = ContinuousClock()
    let start = clock.now
    var found = [Rehearsal.Part?](repeating: nil, count: plan.cells.count)
    var totals: [String: Rehearsal.Part] = [:]
    stages.rehearse(on: meter)
    defer { stages.close() }
    // Without a checkpoint there is nothing to make small: the cells' costs are operations, or say nothing.
    let hasModels = inputs.files.contains { $0.role == .checkpoint }
    for index in inTurns() {
      let cell = plan.cells[index]
      guard hasModels || cell.work != nil else {
        found[index] = Rehearsal.Part(
          cell: cell, work: Work(floatingPointOperations: cell.cost), overhead: 0,
          isRehearsed: cell.cost != 1)
        continue
      }
      let total = totals[cell.group]
      guard total == nil || (clock.now - start).seconds < limit else { continue }
      let began = clock.now
      var (own, overhead) = (cell.work ?? Work(), 0.0)
      if cell.work == nil {
        let known = stages.rehearsed.count
        meter.reset()
        _ = try Resampling.rehearsed { try work(cell) }
        (own, overhead) = (meter.work, (clock.now - began).seconds)
        for stage in stages.rehearsed.dropFirst(known) {
          own = own - stage.work
          overhead -= stage.overhead
        }
      }
      let part = Rehearsal.Part(cell: cell, work: own, overhead: overhead, isRehearsed: true)
      found[index] = part
      totals[cell.group] = total.map { $0.with(part) } ?? part
    }
    let parts = plan.cells.indices.compactMap { index in
      found[index] ?? totals[plan.cells[index].group]?.scaled(to: plan.cells[index])
    }
    return Rehearsal(parts: parts, stages: stages.rehearsed, weightBytes: weightBytes)
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
}

extension Rehearsal.Part {
  /// Both cells together, under the first one's key.
  fileprivate func with(_ other: Rehearsal.Part) -> Rehearsal.Part {
    Rehearsal.Part(
      cell: Cell(key: cell.key, cost: cell.cost + other.cell.cost), work: work + other.work,
      overhead: overhead + other.overhead, isRehearsed: true)
  }

  /// What another cell of the group takes, in proportion to its cost.
  fileprivate func scaled(to other: Cell) -> Rehearsal.Part {
    let share = other.cost / cell.cost
    return Rehearsal.Part(
      cell: other,
      work: Work(
        floatingPointOperations: work.floatingPointOperations * share,
        tokens: Int((Double(work.tokens) * share).rounded()), bytes: work.bytes),
      overhead: overhead * share, isRehearsed: false)
  }
}
