// A task and its inverse as one task whose demonstrations point both ways, and the demonstration sets of its three arms:
// one way, the other way, mixed. The arms share queries, demonstrations and dummies as facts {x, y}; only the direction
// in which each is written differs.

import TensorCore

extension ICLTask {
  /// The task of both directions, named `bijection_<name>`: this one's pairs, then the inverse's.
  ///
  /// Left out: facts whose sides are the same, and those of which one side has another answer in some direction,
  /// because their query would not tell which way is meant. So each input stands once.
  public func bijection(with inverse: ICLTask) -> ICLTask {
    let back = Dictionary(inverse.pairs.map { ($0.input, $0) }) { first, _ in first }
    let ahead = Dictionary(pairs.map { ($0.input, $0) }) { first, _ in first }
    var seen: Set<String> = []
    let facts = pairs.compactMap { pair -> (Pair, Pair)? in
      guard let other = back[pair.output], other.output == pair.input, pair.input != pair.output,
        (back[pair.input] ?? pair).output == pair.output,
        (ahead[pair.output] ?? other).output == pair.input,
        !seen.contains(pair.input), !seen.contains(pair.output)
      else { return nil }
      seen.formUnion([pair.input, pair.output])
      return (pair, other)
    }
    return ICLTask(
      name: "bijection_\(name)", category: category, source: "\(name) and \(inverse.name)",
      pairs: facts.map(\.0) + facts.map(\.1))
  }
}

/// The demonstration sets of a bijection.
///
/// Half of the facts are asked on the development split, the others on the test split; a fact that is asked again is
/// asked the other way. Nothing of a set shows the query's fact in either direction.
///
/// - Source: Dong et al. 2026, arXiv:2506.09048, §4; what is left out and balanced is ours.
public struct BijectionDataset: Sendable {
  /// Which way demonstrations and queries are written.
  public enum Arm: String, Sendable, CaseIterable {
    case forward, inverse
    /// Half of the demonstrations each way, and queries by turns.
    case mixed
  }

  /// Which way the dummy queries of the mixed arm are written, which θ is the mean over.
  public enum Dummies: String, Sendable, CaseIterable {
    /// By turns, so that θ knows the demonstrations alone.
    case both
    /// As the query, so that θ may carry its direction.
    case same
    case opposite
  }

  /// The pairs of both directions.
  public let task: ICLTask
  /// For each fact its pair in both directions.
  private let facts: [(forward: Int, inverse: Int)]
  private let queries: [DatasetSplit: [Int]]
  private let shown: [Int]
  private let shots: Int
  private let dummyCount: Int
  private let seed: UInt64

  /// - Parameters:
  ///   - task: of both directions, reduced to the pairs that can be used; a fact of one direction is not.
  ///   - names: the two tasks, as training held pairs out of them. A fact counts as held out when it was held out of
  ///     both, and as seen when of neither.
  ///   - shots: demonstrations of a set.
  ///   - dummies: dummy queries of a set.
  ///   - seed: of every draw.
  ///   - holdout: the split of training, where the model was trained here.
  ///   - queries: the facts that may be asked; only `all` without a holdout.
  ///   - demonstrations: the facts that may be shown or stand in as dummies; likewise.
  /// - Throws: `TaskError.tooFewPairs`.
  public init(
    _ task: ICLTask, names: (forward: String, inverse: String), shots: Int, dummies: Int,
    seed: UInt64, holdout: Holdout? = nil, queries: PairPool = .all, demonstrations: PairPool = .all
  ) throws {
    let pairs = task.pairs
    let places = Dictionary(uniqueKeysWithValues: pairs.enumerated().map { ($1.input, $0) })
    let facts = pairs.indices.compactMap { place -> (forward: Int, inverse: Int)? in
      guard let other = places[pairs[place].output], place < other else { return nil }
      return (place, other)
    }
    func pool(_ pool: PairPool) -> [Int] {
      facts.indices.filter { index in
        guard pool != .all, let holdout else { return true }
        return [(names.forward, facts[index].forward), (names.inverse, facts[index].inverse)]
          .allSatisfy {
            holdout.isHeldOut(task: $0.0, input: pairs[$0.1].input) == (pool == .heldOut)
          }
      }
    }
    var generator = SeededGenerator(key: "bijection queries\u{0}\(task.name)", seed: seed)
    let asked = generator.shuffled(pool(queries))
    shown = pool(demonstrations)
    let needed = shots + dummies + 1
    guard asked.count >= 2, shown.count >= needed else {
      throw TaskError.tooFewPairs(
        task: task.name, found: min(asked.count, shown.count), needed: needed,
        why:
          "a set takes \(shots) demonstrations, \(dummies) dummy queries and a query, all of different "
          + "facts that can be asked both ways")
    }
    self.queries = [
      .development: Array(asked.prefix(asked.count / 2)),
      .test: Array(asked.dropFirst(asked.count / 2)),
    ]
    self.task = task
    self.facts = facts
    self.shots = shots
    dummyCount = dummies
    self.seed = seed
  }

  /// Facts that can be asked both ways.
  public var factCount: Int { facts.count }

  /// Whether a pair is written forward.
  public func isForward(_ pair: Int) -> Bool { facts.contains { $0.forward == pair } }

  /// Both directions of a pair's fact.
  public func fact(of pair: Int) -> [Int] {
    facts.first { $0.forward == pair || $0.inverse == pair }.map { [$0.forward, $0.inverse] } ?? []
  }

  /// The first sets of a split.
  public func sets(
    _ split: DatasetSplit, count: Int, _ arm: Arm, dummies: Dummies = .both
  ) -> [DemonstrationSet] {
    let candidates = queries[split] ?? []
    return (0..<count).map { index in
      let round = index / candidates.count
      var ordering = SeededGenerator(
        key: "bijection order\u{0}\(task.name)\u{0}\(split.rawValue)\u{0}\(round)", seed: seed)
      let query = ordering.shuffled(candidates)[index % candidates.count]
      var generator = SeededGenerator(
        key: "bijection set\u{0}\(task.name)\u{0}\(split.rawValue)\u{0}\(index)", seed: seed)
      let others = shown.filter { $0 != query }
      let demonstrations = generator.sample(shots, from: others)
      let standIns = generator.sample(dummyCount, from: others)
      // Half of them each way, the odd one by turns.
      let ways = generator.shuffled((0..<shots).map { ($0 + index) % 2 == 0 })
      let asksForward = (candidates.firstIndex(of: query) ?? 0) % 2 == round % 2
      func pair(_ fact: Int, _ forward: Bool) -> Int {
        let isForward = arm == .mixed ? forward : arm == .forward
        return isForward ? facts[fact].forward : facts[fact].inverse
      }
      return DemonstrationSet(
        split: split, index: index, demonstrations: zip(demonstrations, ways).map(pair),
        query: pair(query, asksForward),
        dummies: standIns.enumerated().map { place, fact in
          switch dummies {
          case .both: pair(fact, (place + index) % 2 == 0)
          case .same: pair(fact, asksForward)
          case .opposite: pair(fact, !asksForward)
          }
        })
    }
  }
}
