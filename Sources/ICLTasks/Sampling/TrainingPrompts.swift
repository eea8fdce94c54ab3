// The stream of prompts that the shipped models are trained on.
//
// A pure function of (seed, step, index): training can resume anywhere, and batches can be made on
// any thread in any order.

import TensorCore

/// One training prompt, as places in the pairs of a task.
public struct TrainingDraw: Sendable, Equatable {
  /// The place of the task in the stream's tasks.
  public let task: Int
  /// The pairs that are shown, in order; none of them is the query.
  public let demonstrations: [Int]
  /// The pair that is asked.
  public let query: Int
  /// A pair other than the query, whose input stands in for it where the task-vector loss extracts;
  /// it may be a demonstration. Equal to the query only in a task with a single pair.
  public let dummy: Int

  public init(task: Int, demonstrations: [Int], query: Int, dummy: Int) {
    self.task = task
    self.demonstrations = demonstrations
    self.query = query
    self.dummy = dummy
  }
}

/// Draws of (task, demonstrations, query) for training.
public struct TrainingPrompts: Sendable {
  /// How often each task is drawn.
  public enum Weights: String, Sendable, Equatable, Codable, CaseIterable {
    /// Every task equally often, so that a task with 26 pairs counts as much as one with 1,000.
    case uniform
    /// In proportion to the square root of the number of pairs seen in training.
    case squareRoot = "square_root"
    /// In proportion to the number of pairs seen in training.
    case pairs
  }

  /// The tasks, in the order given.
  public let tasks: [ICLTask]
  /// The numbers of demonstrations, each equally likely; cut where a task has fewer other pairs.
  public let shots: ClosedRange<Int>
  /// The seed of every draw.
  public let seed: UInt64
  private let pools: [[Int]]
  private let cumulativeWeights: [Double]

  /// The stream of a seed.
  ///
  /// - Parameters:
  ///   - tasks: the tasks, with the pairs that the tokenizer can express.
  ///   - shots: 0...8 for the shipped models.
  ///   - seed: the seed of every draw.
  ///   - holdout: pairs that are never shown and never asked.
  ///   - weights: how often each task is drawn.
  /// - Throws: `TaskError.tooFewPairs` for a task of which the holdout leaves nothing.
  public init(
    tasks: [ICLTask], shots: ClosedRange<Int> = 0...8, seed: UInt64, holdout: Holdout? = nil,
    weights: Weights = .uniform
  ) throws {
    precondition(!tasks.isEmpty, "TrainingPrompts: no tasks")
    precondition(shots.lowerBound >= 0, "TrainingPrompts: \(shots) demonstrations")
    var pools: [[Int]] = []
    var cumulative: [Double] = []
    var total = 0.0
    for task in tasks {
      let pool = holdout?.pairs(of: task, in: .seen) ?? Array(task.pairs.indices)
      guard !pool.isEmpty else {
        throw TaskError.tooFewPairs(
          task: task.name, found: 0, needed: 1, why: "training draws from the pairs not held out")
      }
      let size = Double(pool.count)
      switch weights {
      case .uniform: total += 1
      case .squareRoot: total += size.squareRoot()
      case .pairs: total += size
      }
      pools.append(pool)
      cumulative.append(total)
    }
    self.tasks = tasks
    self.shots = shots
    self.seed = seed
    self.pools = pools
    cumulativeWeights = cumulative
  }

  /// The pairs of a task that training shows and asks.
  public func pool(of task: Int) -> [Int] { pools[task] }

  /// Draw `index` of a training step, both counted from 0.
  public func draw(step: Int, index: Int) -> TrainingDraw {
    var generator = SeededGenerator(key: "training\u{0}\(step)\u{0}\(index)", seed: seed)
    let target = generator.uniform() * (cumulativeWeights.last ?? 1)
    let task = cumulativeWeights.firstIndex { target < $0 } ?? cumulativeWeights.count - 1
    let wanted = shots.lowerBound + generator.uniformInteger(below: shots.count)
    let pool = pools[task]
    let chosen = generator.sample(min(wanted + 1, pool.count), of: pool.count)
    let query = chosen[chosen.count - 1]
    var dummy = query
    if pool.count > 1 {
      dummy = generator.uniformInteger(below: pool.count - 1)
      if dummy >= query { dummy += 1 }
    }
    return TrainingDraw(
      task: task, demonstrations: chosen.dropLast().map { pool[$0] }, query: pool[query],
      dummy: pool[dummy])
  }

  /// The draws of one step.
  public func batch(step: Int, size: Int) -> [TrainingDraw] {
    (0..<size).map { draw(step: step, index: $0) }
  }

  /// The prompt of a draw, which ends where the answer begins.
  public func prompt(_ draw: TrainingDraw, _ template: PromptTemplate) -> Prompt {
    tasks[draw.task].prompt(template, showing: draw.demonstrations, asking: draw.query)
  }

  /// The prompt of a draw with the dummy in the query's place.
  public func dummyPrompt(_ draw: TrainingDraw, _ template: PromptTemplate) -> Prompt {
    tasks[draw.task].prompt(template, showing: draw.demonstrations, asking: draw.dummy)
  }

  /// The pair that a draw asks about.
  public func queriedPair(_ draw: TrainingDraw) -> ICLTask.Pair {
    tasks[draw.task].pairs[draw.query]
  }
}
