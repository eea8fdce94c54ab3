// Resolving a plan: names against the catalog, selectors against the batch, values against widths. Whatever
// is wrong with a plan is found here, before any arithmetic; a selection of nothing is an error.

extension HookPlan {
  /// The plan for one model and one batch.
  ///
  /// - Parameters:
  ///   - catalog: the hook points of the model.
  ///   - sequences: the extents of the sequences, in batch order.
  /// - Throws: a `HookError` that names the hook and what is wrong.
  public func resolved(catalog: HookCatalog, sequences: [SequenceShape]) throws -> ResolvedPlan {
    if isEmpty {
      return ResolvedPlan(plan: self, layers: catalog.layers, sequences: sequences, work: [])
    }
    let batch = RaggedRows(sequences)
    var reads: [HookName: [Int]] = [:]
    for read in self.reads {
      for name in try catalog.resolve(read.hook) {
        let selected = try batch.select(
          catalog.entry(name), read.sequences, read.positions, what: "read")
        reads[name, default: []] += selected.map(\.row)
      }
    }
    var edits: [HookName: [ResolvedEdit]] = [:]
    for (index, intervention) in interventions.enumerated() {
      for name in try catalog.resolve(intervention.hook) {
        let entry = try catalog.entry(name)
        let edit = try intervention.resolved(index: index, entry: entry, batch: batch)
        edits[name, default: []].append(edit)
      }
    }
    let work = Set(reads.keys).union(edits.keys).sorted().map { name in
      (
        name,
        ResolvedHook(
          readRows: ascendingOnce(reads[name, default: []]), edits: edits[name, default: []])
      )
    }
    return ResolvedPlan(plan: self, layers: catalog.layers, sequences: sequences, work: work)
  }
}

/// The rows in ascending order, each once.
func ascendingOnce(_ rows: [Int]) -> [Int] {
  var result: [Int] = []
  result.reserveCapacity(rows.count)
  for row in rows.sorted() where row != result.last { result.append(row) }
  return result
}

extension Intervention {
  fileprivate func resolved(
    index: Int, entry: HookCatalog.Entry, batch: RaggedRows
  ) throws -> ResolvedEdit {
    let selected = try batch.select(entry, sequences, positions, what: "intervention")
    let heads = try chosenHeads(entry)
    let order = selected.indices.sorted { selected[$0].row < selected[$1].row }
    let fit = ValueFit(entry: entry, heads: heads, batch: batch, selected: selected, order: order)
    let action: ResolvedAction
    switch self.action {
    case .replace(let values): action = .replace(try fit.rows(values))
    case .add(let values, let scale):
      guard scale.isFinite else { throw HookError.notANumber(hook: entry.name) }
      action = .add(try fit.rows(values), scale)
    case .scale(let factor):
      guard factor.isFinite else { throw HookError.notANumber(hook: entry.name) }
      action = .scale(factor)
    case .zero: action = .zero
    case .mean(let source):
      let rows = try batch.select(
        entry, source.sequences, source.positions, what: "mean's selection")
      if entry.rowKind == .query {
        let counts = Set((rows + selected).map { batch.sequences[$0.sequence].length })
        guard counts.count == 1 else {
          throw HookError.unequalKeys(hook: entry.name, counts: counts.sorted())
        }
      }
      action = .mean(rows: rows.map(\.row).sorted())
    case .custom(let edit): action = .custom(edit)
    }
    return ResolvedEdit(
      rows: order.map { selected[$0].row }, heads: heads, action: action, intervention: index)
  }

  private func chosenHeads(_ entry: HookCatalog.Entry) throws -> [Int]? {
    guard let named = heads.named else { return nil }
    guard let count = entry.heads else { throw HookError.noHeadAxis(hook: entry.name) }
    var seen: Set<Int> = []
    for head in named {
      guard head >= 0, head < count else {
        throw HookError.noHead(hook: entry.name, head: head, heads: count)
      }
      guard seen.insert(head).inserted else {
        throw HookError.namedTwice(hook: entry.name, what: "head", index: head)
      }
    }
    guard !named.isEmpty else {
      throw HookError.selectsNothing(hook: entry.name, what: "intervention's list of heads")
    }
    return named
  }
}

/// How values fit the rows of one edit.
private struct ValueFit {
  let entry: HookCatalog.Entry
  let heads: [Int]?
  let batch: RaggedRows
  /// In the order of the plan, which is the order of the values.
  let selected: [RaggedRows.Row]
  /// The places in `selected` by ascending row.
  let order: [Int]

  /// The values by ascending row, widened to all chosen heads; one row if it serves all.
  func rows(_ values: HookValues) throws -> [[Float]] {
    guard !values.rows.contains(where: { $0.contains(where: \.isNaN) }) else {
      throw HookError.notANumber(hook: entry.name)
    }
    if values.rows.count == 1 {
      let rows = try selected.map { try widened(values.rows[0], $0) }
      // Only sequences of unequal length, at scores and patterns, can disagree.
      for (place, row) in rows.enumerated() where row.count != rows[0].count {
        throw HookError.wrongWidth(
          hook: entry.name, found: values.rows[0].count, expected: widths(selected[place]),
          sequence: selected[place].sequence)
      }
      return [rows[0]]
    }
    guard values.rows.count == selected.count else {
      throw HookError.wrongRowCount(
        hook: entry.name, found: values.rows.count, selected: selected.count)
    }
    return try order.map { try widened(values.rows[$0], selected[$0]) }
  }

  /// The accepted widths: one head's, which serves every chosen head, and that of all of them.
  private func widths(_ row: RaggedRows.Row) -> [Int] {
    let one = entry.headWidth ?? batch.sequences[row.sequence].length
    guard let all = heads?.count ?? entry.heads, all > 1 else { return [one] }
    return [one, all * one]
  }

  private func widened(_ value: [Float], _ row: RaggedRows.Row) throws -> [Float] {
    let widths = widths(row)
    guard widths.contains(value.count) else {
      throw HookError.wrongWidth(
        hook: entry.name, found: value.count, expected: widths,
        sequence: entry.rowKind == .query ? row.sequence : nil)
    }
    let copies = widths[widths.count - 1] / value.count
    return copies == 1 ? value : Array([[Float]](repeating: value, count: copies).joined())
  }
}
