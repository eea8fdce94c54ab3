// Two tasks that can be asked the same queries and want different answers.

/// Demonstration sets of two tasks over the same queries.
///
/// - Source: Hendel et al. 2023 (arXiv 2310.15916), icl_task_vectors, `overriding.py`; that queries with the same answer
///   under both are left out is ours.
public struct TaskConflict: Sendable {
  /// One query under both tasks, with demonstrations of each. The query is shown in none of the sets.
  public struct Draw: Sendable {
    /// The prompt's demonstrations and the query.
    public let prompt: DemonstrationSet
    /// Other demonstrations of the prompt's task.
    public let again: DemonstrationSet
    /// Demonstrations of the vector's task; the query is its place there.
    public let vector: DemonstrationSet
  }

  /// The task of the prompt, and that of the vector.
  public let prompt, vector: TaskDataset
  /// For each pair of the prompt's task that can be asked under both, with different answers, its place in the other.
  private let places: [Int: Int]

  /// - Returns: `nil` where a split has no query to ask.
  public init?(prompt: TaskDataset, vector: TaskDataset) {
    let asked = DatasetSplit.allCases.flatMap { vector.queries(of: $0) }
    let byInput = Dictionary(
      uniqueKeysWithValues: asked.map { (vector.task.pairs[$0].input, $0) })
    var places: [Int: Int] = [:]
    for (place, pair) in prompt.task.pairs.enumerated() {
      if let there = byInput[pair.input],
        Set(pair.answers).isDisjoint(with: vector.task.pairs[there].answers)
      {
        places[place] = there
      }
    }
    for split in DatasetSplit.allCases {
      guard prompt.queries(of: split).contains(where: { places[$0] != nil }) else { return nil }
    }
    (self.prompt, self.vector, self.places) = (prompt, vector, places)
  }

  /// The first `count` draws of a split.
  public func draws(_ split: DatasetSplit, count: Int) -> [Draw] {
    var draws: [Draw] = []
    var index = 0
    while draws.count < count {
      let set = prompt.demonstrationSet(split, index)
      if let there = places[set.query] {
        draws.append(
          Draw(
            prompt: set,
            again: prompt.demonstrationSet(split, index + Self.otherSets, asking: set.query),
            vector: vector.demonstrationSet(split, index, asking: there)))
      }
      index += 1
    }
    return draws
  }

  /// Beyond any number of sets that a run asks for, so that these are other draws.
  private static let otherSets = 1 << 40
}
