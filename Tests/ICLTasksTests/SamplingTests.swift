// Demonstration sets, holdouts, controls and the training stream: fixed draws against a separate
// Python transcription of the generator, and the laws of sampling.

import ICLTasks
import Testing

@Suite struct SamplingTests {
  func task(_ name: String = "ten", count: Int = 10) -> ICLTask {
    ICLTask(
      name: name, category: "c", source: "s",
      pairs: (0..<count).map { .init(input: "\($0)", output: "o\($0)") })
  }

  // MARK: Demonstration sets

  @Test func fixedSets() throws {
    let dataset = try TaskDataset(task: task(), shots: 3, seed: 41)
    func expect(
      _ split: DatasetSplit, _ index: Int, _ demonstrations: [Int], _ query: Int, _ dummies: [Int]
    ) {
      #expect(
        dataset.demonstrationSet(split, index)
          == .init(
            split: split, index: index, demonstrations: demonstrations, query: query,
            dummies: dummies))
    }
    expect(.development, 0, [2, 6, 8], 9, [5, 8])
    expect(.development, 7, [0, 1, 4], 9, [0, 3])
    expect(.test, 0, [4, 0, 2], 1, [8, 6])
    expect(.test, 7, [1, 5, 7], 0, [4, 9])
  }

  @Test(arguments: [(8, 5, 2), (26, 5, 2), (3, 0, 2), (100, 8, 2), (9, 4, 4)])
  func laws(count: Int, shots: Int, dummies: Int) throws {
    let dataset = try TaskDataset(task: task(count: count), shots: shots, dummies: dummies, seed: 1)
    #expect(
      Set(dataset.queries(of: .development)).isDisjoint(with: dataset.queries(of: .test)))
    var asked: [Int: Int] = [:]
    for split in DatasetSplit.allCases {
      for set in dataset.demonstrationSets(split, count: 50) {
        #expect(set.demonstrations.count == shots)
        #expect(Set(set.demonstrations).count == shots)
        #expect(!set.demonstrations.contains(set.query))
        #expect(set.dummies.count == dummies)
        #expect(Set(set.dummies).count == dummies)
        #expect(!set.dummies.contains(set.query))
        #expect(dataset.queries(of: split).contains(set.query))
        if split == .test { asked[set.query, default: 0] += 1 }
      }
    }
    // Every query of the split is asked equally often, up to one.
    let turns = dataset.queries(of: .test).map { asked[$0, default: 0] }
    #expect((turns.max() ?? 0) - (turns.min() ?? 0) <= 1)
  }

  @Test func aSetDependsOnItsOwnKeyOnly() throws {
    let dataset = try TaskDataset(task: task(), shots: 3, seed: 41)
    let few = dataset.demonstrationSets(.test, count: 5)
    #expect(Array(dataset.demonstrationSets(.test, count: 40).prefix(5)) == few)
    let otherSeed = try TaskDataset(task: task(), shots: 3, seed: 42)
    #expect(otherSeed.demonstrationSets(.test, count: 5) != few)
    let otherTask = try TaskDataset(task: task("eleven"), shots: 3, seed: 41)
    #expect(otherTask.demonstrationSets(.test, count: 5) != few)
  }

  @Test func tooFewPairs() {
    let error = #expect(throws: TaskError.self) {
      try TaskDataset(task: task(count: 7), shots: 5, seed: 1)
    }
    #expect(
      error?.description
        == "the task 'ten' has 7 usable pairs, expected at least 8: a set takes 5 demonstrations, 2 "
        + "dummy queries and a query")
    #expect(throws: TaskError.self) {
      try TaskDataset(task: task(count: 1), shots: 0, dummies: 0, seed: 1)
    }
  }

  @Test func prompts() throws {
    let dataset = try TaskDataset(task: task(), shots: 3, seed: 41)
    let set = dataset.demonstrationSet(.test, 0)
    #expect(dataset.inContextPrompt(set, .arrow).text == "4->o4\n0->o0\n2->o2\n1->")
    #expect(dataset.zeroShotPrompt(set, .arrow).text == "1->")
    #expect(
      dataset.dummyPrompts(set, .arrow).map(\.text) == [
        "4->o4\n0->o0\n2->o2\n8->", "4->o4\n0->o0\n2->o2\n6->",
      ])
    let shuffled = dataset.shuffledLabels(set)
    #expect(shuffled.kept == 0)
    #expect(shuffled.outputs.sorted() == ["o0", "o2", "o4"])
    let (a, b, c) = (shuffled.outputs[0], shuffled.outputs[1], shuffled.outputs[2])
    #expect(
      dataset.shuffledLabelsPrompt(set, .arrow).text == "4->\(a)\n0->\(b)\n2->\(c)\n1->")
  }

  // MARK: Holdout

  @Test func holdoutIsByHash() throws {
    let holdout = Holdout(fraction: 0.2, seed: 11)
    let held = (0..<40).filter { holdout.isHeldOut(task: "ten", input: "\($0)") }
    #expect(held == [1, 23, 27, 28, 29])
    let many = (0..<10_000).count { holdout.isHeldOut(task: "many", input: "\($0)") }
    #expect(abs(many - 2000) < 200)  // five standard deviations
    let none = Holdout(fraction: 0, seed: 11)
    #expect((0..<100).allSatisfy { !none.isHeldOut(task: "ten", input: "\($0)") })
  }

  @Test func poolsKeepSeenAndHeldOutApart() throws {
    let holdout = Holdout(fraction: 0.2, seed: 11)
    let forty = task(count: 40)
    let held: Set<Int> = [1, 23, 27, 28, 29]
    let unseen = try TaskDataset(
      task: forty, shots: 5, seed: 1, holdout: holdout, queries: .heldOut, demonstrations: .seen)
    for set in unseen.demonstrationSets(.test, count: 30) {
      #expect(held.contains(set.query))
      #expect(held.isDisjoint(with: set.demonstrations + set.dummies))
    }
    let seen = try TaskDataset(
      task: forty, shots: 5, seed: 1, holdout: holdout, queries: .seen, demonstrations: .seen)
    for set in seen.demonstrationSets(.development, count: 30) {
      #expect(held.isDisjoint(with: set.demonstrations + set.dummies + [set.query]))
    }
  }

  // MARK: Controls

  @Test(arguments: [
    (["a", "b", "c", "d", "e"], 0), (["a", "a", "b", "b"], 0), (["a", "a", "a", "b"], 2),
    (["a", "a", "a", "b", "b", "c"], 0), (["a"], 1), (["a", "a", "a"], 3), ([], 0),
    (["a", "b", "b", "c", "b"], 1),
  ])
  func shuffledLabelsMoveAllTheyCan(outputs: [String], fewestKept: Int) {
    for seed in 0..<50 as Range<UInt64> {
      let shuffled = ShuffledLabels(outputs: outputs, key: "k", seed: seed)
      #expect(shuffled.kept == fewestKept)
      #expect(shuffled.kept == zip(shuffled.outputs, outputs).count { $0 == $1 })
      #expect(shuffled.outputs.sorted() == outputs.sorted())
    }
  }

  @Test func shuffledLabelsVary() {
    let all = (0..<200 as Range<UInt64>).map {
      ShuffledLabels(outputs: ["a", "b", "c", "d"], key: "k", seed: $0).outputs
    }
    #expect(Set(all).count == 6)  // the six cyclic permutations of four
  }

  @Test func otherTasks() {
    let names = ["a", "b", "c", "d"]
    var chosen: Set<String> = []
    for index in 0..<50 {
      let other = otherTask(than: "b", among: names, index: index, seed: 3)
      #expect(other == otherTask(than: "b", among: names.reversed(), index: index, seed: 3))
      if let other { chosen.insert(other) }
    }
    #expect(chosen == ["a", "c", "d"])
    #expect(otherTask(than: "b", among: ["b"], index: 0, seed: 3) == nil)
  }

  // MARK: Training

  @Test func fixedTrainingDraws() throws {
    let stream = try TrainingPrompts(
      tasks: [task(), task("four", count: 4), task("two", count: 2)], seed: 7)
    #expect(
      stream.draw(step: 0, index: 0)
        == .init(task: 0, demonstrations: [7, 8, 3, 1, 5, 9, 0], query: 2, dummy: 1))
    #expect(
      stream.draw(step: 0, index: 1)
        == .init(task: 0, demonstrations: [0, 5], query: 1, dummy: 9))
    #expect(
      stream.draw(step: 3, index: 5)
        == .init(task: 0, demonstrations: [7, 4, 6, 0, 5], query: 2, dummy: 4))
    let draw = stream.draw(step: 0, index: 1)
    #expect(stream.prompt(draw, .arrow).text == "0->o0\n5->o5\n1->")
    #expect(stream.dummyPrompt(draw, .arrow).text == "0->o0\n5->o5\n9->")
    #expect(stream.queriedPair(draw).output == "o1")
  }

  @Test func trainingLaws() throws {
    let holdout = Holdout(fraction: 0.2, seed: 11)
    let tasks = [task(count: 40), task("four", count: 4), task("two", count: 2)]
    let stream = try TrainingPrompts(tasks: tasks, seed: 7, holdout: holdout)
    var taskCounts = [0, 0, 0]
    var shotCounts: [Int: Int] = [:]
    for step in 0..<60 {
      let batch = stream.batch(step: step, size: 64)
      #expect(batch == (0..<64).map { stream.draw(step: step, index: $0) })
      for draw in batch {
        taskCounts[draw.task] += 1
        let name = tasks[draw.task].name
        let all = draw.demonstrations + [draw.query]
        #expect(Set(all).count == all.count)
        for pair in all + [draw.dummy] {
          #expect(!holdout.isHeldOut(task: name, input: "\(pair)"))
        }
        if draw.task == 0 {
          #expect(draw.dummy != draw.query)
          shotCounts[draw.demonstrations.count, default: 0] += 1
        }
      }
    }
    #expect(taskCounts.allSatisfy { abs($0 - 1280) < 150 })  // five standard deviations
    #expect(shotCounts.keys.sorted() == Array(0...8))
    #expect(shotCounts.values.allSatisfy { abs($0 - taskCounts[0] / 9) < 60 })
  }

  @Test func weights() throws {
    let tasks = [task("a", count: 90), task("b", count: 10)]
    func share(_ weights: TrainingPrompts.Weights) throws -> Double {
      let stream = try TrainingPrompts(tasks: tasks, seed: 7, weights: weights)
      return Double(stream.batch(step: 0, size: 4000).count { $0.task == 0 }) / 4000
    }
    #expect(try abs(share(.uniform) - 0.5) < 0.04)
    #expect(try abs(share(.squareRoot) - 0.75) < 0.04)
    #expect(try abs(share(.pairs) - 0.9) < 0.03)
  }

  @Test func aTaskHeldOutWholeCannotBeTrained() {
    let holdout = Holdout(fraction: 0.2, seed: 11)
    let one = ICLTask(
      name: "ten", category: "c", source: "s", pairs: [.init(input: "1", output: "x")])
    #expect(throws: TaskError.self) {
      try TrainingPrompts(tasks: [one], seed: 7, holdout: holdout)
    }
  }
}
