// The demonstration sets of one task: which pairs are shown, which is asked, which are dummies.
//
// Only places in the task's list of pairs; the text is made by a template.

import TensorCore

/// The part of an experiment that a demonstration set belongs to: layers are chosen on the
/// development sets and numbers are reported on the test sets.
public enum DatasetSplit: String, Sendable, Equatable, Codable, CaseIterable {
  case development = "dev"
  case test = "test"
}

/// One draw: demonstrations, a query and dummy queries, as places in a task's pairs.
public struct DemonstrationSet: Sendable, Equatable {
  /// Whose queries the set asks.
  public let split: DatasetSplit
  /// The number of the set within its split, from 0.
  public let index: Int
  /// The pairs that are shown, in order.
  public let demonstrations: [Int]
  /// The pair that is asked; never among the demonstrations.
  public let query: Int
  /// The pairs whose inputs stand in for the query while the task vector is extracted; never the
  /// query, possibly demonstrations.
  public let dummies: [Int]

  public init(
    split: DatasetSplit, index: Int, demonstrations: [Int], query: Int, dummies: [Int]
  ) {
    self.split = split
    self.index = index
    self.demonstrations = demonstrations
    self.query = query
    self.dummies = dummies
  }
}

/// The demonstration sets of a task, each a pure function of (task, split, index, seed).
///
/// **Queries.** The pairs that may be asked are put in a seeded order; the first half, rounded down,
/// are the queries of the development split and the rest those of the test split, so that the two
/// never share a query. Set i of a split asks query i of a fresh random order of the split's half,
/// and starts over with another order when all have been asked: every query is asked equally often,
/// up to one. Demonstrations and dummies come from all pairs allowed, whichever half they are in.
///
/// **Without replacement.** Within a set no demonstration repeats, none is the query, no dummy
/// repeats and none is the query. Dummies may coincide with demonstrations, as in Hendel et al.
///
/// **Small tasks.** A task needs `shots + dummies + 1` pairs, and two that may be asked.
///
/// - Source: Hendel et al. 2023 (arXiv 2310.15916) and its repository icl_task_vectors; the order of
///   queries is drawn there independently for each set.
public struct TaskDataset: Sendable {
  /// The pairs that places count in.
  public let task: ICLTask
  /// Demonstrations of a set.
  public let shots: Int
  /// Dummy queries of a set.
  public let dummyCount: Int
  /// The seed of every draw.
  public let seed: UInt64
  private let demonstrationPool: [Int]
  private let developmentQueries: [Int]
  private let testQueries: [Int]

  /// The demonstration sets of a task.
  ///
  /// - Parameters:
  ///   - task: the task, already reduced to the pairs that can be used.
  ///   - shots: demonstrations a set, at least 0 (5 in the paper).
  ///   - dummies: dummy queries a set (2 in the paper).
  ///   - seed: the seed of every draw.
  ///   - holdout: the split of training, where the model was trained here.
  ///   - queries: the pairs that may be asked; only `all` without a holdout.
  ///   - demonstrations: the pairs that may be shown or stand in as dummies; likewise.
  /// - Throws: `TaskError.tooFewPairs`, for the caller to report as a skipped task.
  public init(
    task: ICLTask, shots: Int, dummies: Int = 2, seed: UInt64, holdout: Holdout? = nil,
    queries: PairPool = .all, demonstrations: PairPool = .all
  ) throws {
    precondition(
      holdout != nil || (queries == .all && demonstrations == .all),
      "TaskDataset: a pool of seen or held-out pairs needs a holdout")
    try self.init(
      task: task, shots: shots, dummies: dummies, seed: seed,
      asking: holdout?.pairs(of: task, in: queries) ?? Array(task.pairs.indices),
      showing: holdout?.pairs(of: task, in: demonstrations) ?? Array(task.pairs.indices))
  }

  /// The demonstration sets of a task whose pairs the caller keeps apart.
  ///
  /// - Parameters:
  ///   - task: the task, already reduced to the pairs that can be used.
  ///   - shots: demonstrations a set, at least 0.
  ///   - dummies: dummy queries a set, at least 0.
  ///   - seed: the seed of every draw.
  ///   - asked: the places in `task.pairs` that may be asked.
  ///   - shown: those that may be shown or stand in as dummies.
  /// - Throws: `TaskError.tooFewPairs`.
  public init(
    task: ICLTask, shots: Int, dummies: Int = 2, seed: UInt64, asking asked: [Int],
    showing shown: [Int]
  ) throws {
    precondition(
      shots >= 0 && dummies >= 0, "TaskDataset: \(shots) shots and \(dummies) dummies")
    let needed = shots + dummies + 1
    // A query that cannot be shown takes nothing away from the pairs that can.
    let available = Set(asked).isDisjoint(with: shown) ? shown.count + 1 : shown.count
    guard available >= needed else {
      throw TaskError.tooFewPairs(
        task: task.name, found: available, needed: needed,
        why: "a set takes \(shots) demonstrations, \(dummies) dummy queries and a query")
    }
    guard asked.count >= 2 else {
      throw TaskError.tooFewPairs(
        task: task.name, found: asked.count, needed: 2,
        why: "the development and the test split need a query each")
    }
    self.task = task
    self.shots = shots
    dummyCount = dummies
    self.seed = seed
    demonstrationPool = shown
    var generator = SeededGenerator(key: "queries\u{0}\(task.name)", seed: seed)
    let order = generator.shuffled(asked)
    developmentQueries = Array(order.prefix(asked.count / 2))
    testQueries = Array(order.dropFirst(asked.count / 2))
  }

  /// The pairs that a split asks about, in no meaningful order.
  public func queries(of split: DatasetSplit) -> [Int] {
    split == .development ? developmentQueries : testQueries
  }

  /// One demonstration set.
  ///
  /// - Parameters:
  ///   - split: whose queries it asks.
  ///   - index: the number of the set within its split, from 0. There is no last one; more sets never change the
  ///     earlier ones.
  public func demonstrationSet(_ split: DatasetSplit, _ index: Int) -> DemonstrationSet {
    precondition(index >= 0, "demonstrationSet: the index is \(index)")
    let candidates = queries(of: split)
    var ordering = SeededGenerator(
      key: "query order\u{0}\(key(split))\u{0}\(index / candidates.count)", seed: seed)
    let query = ordering.shuffled(candidates)[index % candidates.count]
    return demonstrationSet(split, index, asking: query)
  }

  /// The set of a number that asks a query of the caller's: any pair, which is then neither shown nor a dummy.
  public func demonstrationSet(_ split: DatasetSplit, _ index: Int, asking query: Int)
    -> DemonstrationSet
  {
    var generator = SeededGenerator(key: "set\u{0}\(key(split))\u{0}\(index)", seed: seed)
    let others = demonstrationPool.filter { $0 != query }
    let demonstrations = generator.sample(shots, from: others)
    let dummies = generator.sample(dummyCount, from: others)
    return DemonstrationSet(
      split: split, index: index, demonstrations: demonstrations, query: query, dummies: dummies)
  }

  private func key(_ split: DatasetSplit) -> String { "\(task.name)\u{0}\(split.rawValue)" }

  /// The first `count` sets of a split.
  public func demonstrationSets(_ split: DatasetSplit, count: Int) -> [DemonstrationSet] {
    (0..<count).map { demonstrationSet(split, $0) }
  }
}
