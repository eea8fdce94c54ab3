// FireCounts: what a run really recorded and changed, counted where it happened. Verifying it against the
// resolved plan is what keeps a hook from being accepted and never firing.

/// Rows recorded and edited at each hook.
public struct FireCounts: Equatable, Sendable {
  /// The counts at one hook.
  public struct Count: Equatable, Sendable {
    /// Rows recorded.
    public var reads = 0
    /// Rows changed, by the index of the intervention.
    public var edits: [Int: Int] = [:]
  }

  /// By hook; only hooks that fired.
  public private(set) var counts: [HookName: Count] = [:]

  public init() {}

  /// Notes that rows were recorded and edits were made at a hook.
  public mutating func fired(_ hook: HookName, reads: Int = 0, edits: [ResolvedEdit] = []) {
    for edit in edits {
      counts[hook, default: Count()].edits[edit.intervention, default: 0] += edit.rows.count
    }
    if reads > 0 { counts[hook, default: Count()].reads += reads }
  }

  /// Adds the counts of another run. Indices of interventions keep their meaning only within one plan.
  public mutating func add(_ other: FireCounts) {
    for (hook, count) in other.counts {
      counts[hook, default: Count()].reads += count.reads
      counts[hook, default: Count()].edits.merge(count.edits, uniquingKeysWith: +)
    }
  }

  /// Checks that everything the plan asks for happened once: the counts of one run of this plan.
  ///
  /// - Throws: `HookError.neverFired`, or `.firedForOthers` when a number of rows is wrong.
  public func verify(plan: ResolvedPlan) throws {
    for name in plan.hooks {
      guard let hook = plan[name] else { continue }
      let count = counts[name] ?? Count()
      try check(name, "a read", fired: count.reads, expected: hook.readRows.count)
      for edit in hook.edits {
        try check(
          name,
          "intervention \(edit.intervention) "
            + "(\(plan.plan.interventions[edit.intervention].action))",
          fired: count.edits[edit.intervention, default: 0], expected: edit.rows.count)
      }
    }
  }

  private func check(_ hook: HookName, _ what: String, fired: Int, expected: Int) throws {
    if fired == expected { return }
    if fired == 0 { throw HookError.neverFired(hook: hook, what: what) }
    throw HookError.firedForOthers(hook: hook, what: what, fired: fired, expected: expected)
  }
}

extension FireCounts: Codable {
  private struct Row: Codable {
    var hook: HookName
    var reads: Int
    var edits: [Edit]
  }

  private struct Edit: Codable {
    var intervention: Int
    var rows: Int
  }

  /// Reads `[{"hook": "blocks.3.hook_resid_post", "reads": 2, "edits": [{"intervention": 0, "rows": 1}]}]`.
  public init(from decoder: any Decoder) throws {
    for row in try decoder.singleValueContainer().decode([Row].self) {
      counts[row.hook, default: Count()].reads += row.reads
      for edit in row.edits {
        counts[row.hook, default: Count()].edits[edit.intervention, default: 0] += edit.rows
      }
    }
  }

  /// In firing order, so that equal counts give equal bytes.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(
      counts.sorted { $0.key < $1.key }.map { hook, count in
        Row(
          hook: hook, reads: count.reads,
          edits: count.edits.sorted { $0.key < $1.key }.map {
            Edit(intervention: $0.key, rows: $0.value)
          })
      })
  }
}
