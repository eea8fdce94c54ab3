// HookRun: the hook points of one forward pass. It applies a resolved plan's edits, records what the plan reads,
// counts both, and keeps the variables whose gradients are wanted. A plan speaks of rows in the caller's order;
// this is where they become rows in memory.

import HookPoints
import TensorCore

final class HookRun<Scalar: TensorScalar> {
  private let plan: ResolvedPlan
  private let catalog: HookCatalog
  let ops: Operations<Scalar>
  private let order: BatchOrder<Scalar>
  private let model: String
  private let gradientHooks: Set<HookName>
  private let idle: Bool

  private(set) var cache: ActivationCache<Scalar>
  private(set) var counts = FireCounts()
  /// The activations whose gradients were asked for.
  private(set) var variables: [HookName: Variable<Scalar>] = [:]
  private var failure: ModelError?

  /// Rows that are active in the current block.
  var activeRows = 0
  /// The rows, in memory, that go through the final norm.
  var finalRows: [Int] = []
  /// The rows, in memory and ascending, that go on after the attention of the last block; nil for all.
  var lateRows: [Int]?

  init(
    plan: ResolvedPlan, catalog: HookCatalog, ops: Operations<Scalar>, order: BatchOrder<Scalar>,
    model: String, gradientHooks: [HookName]
  ) {
    self.plan = plan
    self.catalog = catalog
    self.ops = ops
    self.order = order
    self.model = model
    self.gradientHooks = Set(gradientHooks)
    idle = plan.isEmpty && gradientHooks.isEmpty
    cache = ActivationCache(catalog: catalog)
  }

  // MARK: Questions of the forward pass

  /// Whether a hook point is read, edited or differentiated.
  func wants(_ name: HookName) -> Bool {
    !idle && (plan[name] != nil || gradientHooks.contains(name))
  }

  func edits(_ name: HookName) -> Bool { !idle && !(plan[name]?.edits.isEmpty ?? true) }

  /// Whether gradients depend on what happens at a hook point: on a tape, when it is edited or differentiated.
  func differentiates(_ name: HookName) -> Bool {
    ops.tape != nil && (edits(name) || gradientHooks.contains(name))
  }

  /// Whether a hook point takes means over rows of the batch.
  func means(_ name: HookName) -> Bool {
    !idle
      && (plan[name]?.edits ?? []).contains { if case .mean = $0.action { true } else { false } }
  }

  /// Rows, in memory, that are read, edited or taken into a mean at a hook point with one row a token.
  func rows(_ name: HookName) -> Set<Int> {
    Set((plan[name]?.rows ?? []).map { order.rowOf[$0] })
  }

  /// Rows, in memory, that the plan needs at the final norm.
  func finalHookRows() -> [Int] {
    rows(.finalScale).union(rows(.finalNormalized)).sorted()
  }

  /// Rows, in memory and ascending, that the plan needs in the last block after its attention.
  func lateHookRows() -> [Int] {
    let points = BlockPoint.allCases.filter { $0 > .z }
    return points.reduce(into: Set()) { $0.formUnion(rows(.block(catalog.layers - 1, $1))) }
      .sorted()
  }

  /// The rows, in memory, that pass a hook point; nil where all active ones do.
  func passingRows(_ name: HookName) -> [Int]? {
    switch name {
    case .finalScale, .finalNormalized: finalRows
    case .block(catalog.layers - 1, let point) where point > .z: lateRows
    case .embed, .positionEmbed, .block: nil
    }
  }

  // MARK: Hook points

  func point(_ layer: Int, _ point: BlockPoint, _ x: Variable<Scalar>) -> Variable<Scalar> {
    idle ? x : self.point(.block(layer, point), x)
  }

  /// Passes an activation through a hook point: edits it, records it, and gives back what goes on.
  ///
  /// - Parameter blocks: where rows lie, for scores and patterns.
  func point(_ name: HookName, _ x: Variable<Scalar>, blocks: ScoreBlocks? = nil) -> Variable<
    Scalar
  > {
    guard wants(name) else { return x }
    var value = x
    if let hook = plan[name] {
      let places = Places(self, name, x, blocks)
      for edits in hook.edits.grouped {
        value = edited(value, edits, places)
        counts.fired(name, edits: edits)
      }
      if !hook.readRows.isEmpty { record(name, value, hook.readRows, places, blocks) }
    }
    guard gradientHooks.contains(name), let tape = ops.tape else { return value }
    if value.node == nil { value = tape.variable(value.tensor) }
    tape.keepGradient(of: value)
    variables[name] = value
    return value
  }

  /// Applies one edit, or several means at once.
  private func edited(_ x: Variable<Scalar>, _ edits: [ResolvedEdit], _ places: Places)
    -> Variable<Scalar>
  {
    let means = edits.flatMap { edit -> [SliceMean] in
      guard case .mean(let sources) = edit.action else { return [] }
      let to = edit.rows.map { places.slices($0, heads: edit.heads) }
      let from = sources.map { places.slices($0, heads: edit.heads) }
      // Part by part (head by head): a part of the sources goes to the same part of the targets.
      return to[0].indices.map { part in
        SliceMean(targets: to.map { $0[part] }, sources: from.map { $0[part] })
      }
    }
    return means.isEmpty ? edited(x, edits[0], places) : ops.replace(x, byMeans: means)
  }

  private func edited(_ x: Variable<Scalar>, _ edit: ResolvedEdit, _ places: Places)
    -> Variable<Scalar>
  {
    let slices = edit.rows.map { places.slices($0, heads: edit.heads) }
    let flat = slices.flatMap { $0 }
    /// A row's values, cut as its slices are; one row serves all.
    func cut(_ rows: [[Float]]) -> [[Scalar]] {
      zip(slices.indices, slices).flatMap { index, parts in
        let row = rows[rows.count == 1 ? 0 : index]
        var at = 0
        return parts.map { part in
          let start = row.count == part.count ? 0 : at
          at += part.count
          return row[start..<start + part.count].map { Scalar($0) }
        }
      }
    }
    switch edit.action {
    case .replace(let rows): return ops.replace(x, flat, with: cut(rows))
    case .add(let rows, let factor):
      return ops.add(x, flat, values: cut(rows), factor: Scalar(factor))
    case .scale(let factor): return ops.scale(x, flat, by: Scalar(factor))
    case .zero:
      return ops.replace(x, flat, with: flat.map { Array(repeating: 0, count: $0.count) })
    case .mean: preconditionFailure("means are applied together")
    case .custom(let custom):
      let label = custom.label
      if x.node != nil { failure = .gradientThroughClosure(model: model, label: label) }
      var values: [[Scalar]] = []
      for parts in slices {
        var row = parts.flatMap { part in
          (0..<part.count).map { Float(x.tensor.base[part.start + $0]) }
        }
        let count = row.count
        custom.body(&row)
        precondition(
          row.count == count, "custom '\(label)' changed \(count) values to \(row.count)")
        var at = 0
        for part in parts {
          values.append(row[at..<at + part.count].map { Scalar($0) })
          at += part.count
        }
      }
      return ops.replace(x, flat, with: values)
    }
  }

  private func record(
    _ name: HookName, _ x: Variable<Scalar>, _ rows: [Int], _ places: Places, _ blocks: ScoreBlocks?
  ) {
    counts.fired(name, reads: rows.count)
    guard let blocks else {
      let slices = rows.flatMap { places.slices($0, heads: nil) }
      cache.record(
        name, reading: plan,
        values: ops.gathered(slices, of: x.tensor)
          .reshaped([rows.count, slices.first?.count ?? 1]))
      return
    }
    // Of scores and patterns: sequence by sequence, [H, queries, keys].
    let addresses = rows.map { plan.address(ofRow: $0) }
    for sequence in Set(addresses.map(\.sequence)).sorted() {
      let own = zip(rows, addresses).filter { $0.1.sequence == sequence }
      let byRow = own.map { places.slices($0.0, heads: nil) }
      let slices = (0..<blocks.heads).flatMap { head in byRow.map { $0[head] } }
      cache.record(
        name, sequence: sequence, positions: own.compactMap { $0.1.position },
        values: ops.gathered(slices, of: x.tensor)
          .reshaped([blocks.heads, own.count, slices.first?.count ?? 0]))
    }
  }

  // MARK: Hook points that exist only at the rows someone asks for

  /// Edits the value of one row, in memory, of a hook point that is not materialised as a whole.
  func row(_ name: HookName, _ row: Int, _ value: Tensor<Scalar>) -> Tensor<Scalar> {
    guard let hook = plan[name] else { return value }
    let caller = order.callerRow[row]
    let places = Places(single: caller, count: value.count, heads: heads(name))
    return hook.edits.reduce(Variable(value)) { result, edit in
      guard let index = edit.rows.firstIndex(of: caller) else { return result }
      let single = edit.only(index)
      counts.fired(name, edits: [single])
      return edited(result, [single], places)
    }.tensor
  }

  /// Records values that were collected row by row, in memory.
  func record(_ name: HookName, rows values: [Int: Tensor<Scalar>]) {
    guard let hook = plan[name], !hook.readRows.isEmpty else { return }
    let found = hook.readRows.compactMap { values[order.rowOf[$0]] }
    guard found.count == hook.readRows.count else { return }
    counts.fired(name, reads: hook.readRows.count)
    cache.record(
      name, reading: plan,
      values: Tensor(shape: [found.count, found[0].count], values: found.flatMap(\.values)))
  }

  // MARK: The end

  func check() throws { if let failure { throw failure } }

  /// A requested hook that never fired fails the run.
  func verify() throws {
    try check()
    try counts.verify(plan: plan)
  }

  private func heads(_ name: HookName) -> Int { (try? catalog.entry(name))?.heads ?? 1 }

  /// Where the rows of scores and patterns lie in their flat tensor.
  struct ScoreBlocks {
    /// For each active row in memory: its place for head 0, the distance to the next head, its length.
    let rows: [(start: Int, headStride: Int, count: Int)]
    let heads: Int
  }

  func scoreBlocks(_ layout: AttentionLayout<Scalar>) -> ScoreBlocks {
    var rows: [(start: Int, headStride: Int, count: Int)] = []
    guard !idle else { return ScoreBlocks(rows: rows, heads: layout.heads) }
    for (index, sequence) in layout.sequences.enumerated() {
      for query in 0..<sequence.count {
        rows.append(
          (
            layout.scoreOffsets[index] + query * sequence.total, sequence.count * sequence.total,
            sequence.total
          ))
      }
    }
    return ScoreBlocks(rows: rows, heads: layout.heads)
  }

  /// Where a row of the caller lies in an activation, whole or head by head.
  struct Places {
    private enum Form {
      case rows(width: Int, heads: Int, place: [Int: Int])
      case tokens(width: Int, heads: Int, rowOf: [Int])
      case blocks(ScoreBlocks, rowOf: [Int])
    }
    private let form: Form

    init(_ run: HookRun, _ name: HookName, _ x: Variable<Scalar>, _ blocks: ScoreBlocks?) {
      if let blocks {
        form = .blocks(blocks, rowOf: run.order.rowOf)
        return
      }
      let width = x.tensor.count / max(1, x.shape[0])
      let heads = run.heads(name)
      if let passing = run.passingRows(name) {
        let inMemory = Dictionary(uniqueKeysWithValues: zip(passing, passing.indices))
        var place: [Int: Int] = [:]
        for (caller, row) in run.order.rowOf.enumerated() { place[caller] = inMemory[row] }
        form = .rows(width: width, heads: heads, place: place)
        return
      }
      switch name {
      case .block(_, .ssmStateInitial):
        let places = run.order.members.enumerated().map { ($1.index, $0) }
        form = .rows(
          width: width, heads: heads, place: Dictionary(uniqueKeysWithValues: places))
      default:
        form = .tokens(width: width, heads: heads, rowOf: run.order.rowOf)
      }
    }

    init(single row: Int, count: Int, heads: Int) {
      form = .rows(width: count, heads: heads, place: [row: 0])
    }

    /// The elements of a row: one slice for the whole row, or one for each of some heads.
    func slices(_ row: Int, heads chosen: [Int]?) -> [Slice] {
      func inRow(_ place: Int, _ width: Int, _ heads: Int) -> [Slice] {
        guard let chosen else { return [Slice(start: place * width, count: width)] }
        let part = width / heads
        return chosen.map { Slice(start: place * width + $0 * part, count: part) }
      }
      switch form {
      case .tokens(let width, let heads, let rowOf): return inRow(rowOf[row], width, heads)
      case .rows(let width, let heads, let place):
        guard let at = place[row] else {
          preconditionFailure("row \(row) is edited or read, but does not pass this hook")
        }
        return inRow(at, width, heads)
      case .blocks(let blocks, let rowOf):
        let at = blocks.rows[rowOf[row]]
        return (chosen ?? Array(0..<blocks.heads)).map {
          Slice(start: at.start + $0 * at.headStride, count: at.count)
        }
      }
    }
  }
}

extension [ResolvedEdit] {
  /// The edits in their order, with runs of means that do not read each other's targets together.
  fileprivate var grouped: [[ResolvedEdit]] {
    var groups: [[ResolvedEdit]] = []
    var written: Set<Int> = []
    for edit in self {
      if case .mean(let sources) = edit.action, case .mean = groups.last?[0].action,
        written.isDisjoint(with: sources), written.isDisjoint(with: edit.rows)
      {
        groups[groups.count - 1].append(edit)
      } else {
        groups.append([edit])
        written = []
      }
      written.formUnion(edit.rows)
    }
    return groups
  }
}

extension ResolvedEdit {
  /// The same edit of one of its rows.
  fileprivate func only(_ index: Int) -> ResolvedEdit {
    func one(_ values: [[Float]]) -> [[Float]] { [values[values.count == 1 ? 0 : index]] }
    let single: ResolvedAction =
      switch action {
      case .replace(let values): .replace(one(values))
      case .add(let values, let factor): .add(one(values), factor)
      case .scale, .zero, .mean, .custom: action
      }
    return ResolvedEdit(
      rows: [rows[index]], heads: heads, action: single, intervention: intervention)
  }
}
