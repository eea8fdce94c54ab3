// Sets over two tasks: a task and its inverse, and two tasks that want different answers to the same queries.

import ICLTasks
import Testing

@Suite struct TwoTaskTests {
  private func task(_ name: String, _ pairs: [(String, String)], inverseOf: String? = nil)
    -> ICLTask
  {
    ICLTask(
      name: name, category: "c", source: "s", inverseOf: inverseOf,
      pairs: pairs.map { ICLTask.Pair(input: $0.0, output: $0.1) })
  }

  /// What cannot be told from the query is left out: equal sides, words that stand on both sides with other partners;
  /// what is its own inverse stays, once.
  @Test func bijection() {
    let there = task(
      "f", [("a", "A"), ("cut", "cut"), ("x", "y"), ("y", "z"), ("hot", "cold"), ("cold", "hot")])
    let both = there.bijection(with: there.inverted(named: "g"))
    #expect(both.name == "bijection_f")
    #expect(both.pairs.map(\.input) == ["a", "hot", "A", "cold"])
    #expect(both.pairs.map(\.output) == ["A", "cold", "a", "hot"])
  }

  @Test func lettersHaveNoBijection() throws {
    // The next and the previous letter: the query never tells which.
    let library = try TaskLibrary(tasks: [])
    let next = try library.task(named: "next_letter")
    let previous = try #require(try library.inverse(of: "next_letter"))
    #expect(next.bijection(with: previous).pairs.isEmpty)
  }

  private func facts() throws -> BijectionDataset {
    let there = task("f", (0..<20).map { ("x\($0)", "y\($0)") })
    return try BijectionDataset(
      there.bijection(with: there.inverted(named: "g")), names: ("f", "g"), shots: 5, dummies: 2,
      seed: 3)
  }

  @Test func armsShareTheirFacts() throws {
    let dataset = try facts()
    let arms = BijectionDataset.Arm.allCases.map { dataset.sets(.test, count: 40, $0) }
    for (index, mixed) in arms[2].enumerated() {
      let (forward, inverse) = (arms[0][index], arms[1][index])
      for (a, b) in [(forward, inverse), (forward, mixed)] {
        #expect(
          (a.demonstrations + a.dummies + [a.query]).map { Set(dataset.fact(of: $0)) }
            == (b.demonstrations + b.dummies + [b.query]).map { Set(dataset.fact(of: $0)) })
      }
      #expect((forward.demonstrations + [forward.query]).allSatisfy(dataset.isForward))
      #expect(!(inverse.demonstrations + [inverse.query]).contains(where: dataset.isForward))
      let ways = mixed.demonstrations.count(where: dataset.isForward)
      #expect(ways == 2 || ways == 3)
      #expect(mixed.dummies.count(where: dataset.isForward) == 1)
      // Neither direction of the query's fact is shown.
      let both = Set(dataset.fact(of: mixed.query))
      #expect(both.count == 2 && both.isDisjoint(with: mixed.demonstrations + mixed.dummies))
    }
    // Every query of the split is asked both ways, and none is of the other split.
    let asked = Set(arms[2].prefix(20).map(\.query))
    #expect(asked.count == 20 && asked.count(where: dataset.isForward) == 10)
    let development = dataset.sets(.development, count: 40, .mixed).map(\.query)
    #expect(asked.isDisjoint(with: development))
    for (dummies, isSame) in [(BijectionDataset.Dummies.same, true), (.opposite, false)] {
      for set in dataset.sets(.test, count: 10, .mixed, dummies: dummies) {
        #expect(
          set.dummies.allSatisfy {
            (dataset.isForward($0) == dataset.isForward(set.query)) == isSame
          })
      }
    }
  }

  @Test func tooFewFacts() {
    let there = task("f", (0..<7).map { ("x\($0)", "y\($0)") })
    #expect(throws: TaskError.self) {
      try BijectionDataset(
        there.bijection(with: there.inverted(named: "g")), names: ("f", "g"), shots: 5, dummies: 2,
        seed: 3)
    }
  }

  @Test func conflicts() throws {
    // They agree on l0 to l4, and l20 to l24 can be asked under one only.
    let own = task("own", (0..<20).map { ("l\($0)", $0 < 5 ? "same\($0)" : "p\($0)") })
    let other = task("other", (0..<25).map { ("l\($0)", $0 < 5 ? "same\($0)" : "q\($0)") })
    func dataset(_ task: ICLTask) throws -> TaskDataset {
      try TaskDataset(task: task, shots: 4, dummies: 2, seed: 1)
    }
    let conflict = try #require(TaskConflict(prompt: try dataset(own), vector: try dataset(other)))
    for split in DatasetSplit.allCases {
      for draw in conflict.draws(split, count: 30) {
        let query = own.pairs[draw.prompt.query].input
        #expect(query == other.pairs[draw.vector.query].input)
        #expect(own.pairs[draw.prompt.query].output != other.pairs[draw.vector.query].output)
        #expect(draw.again.query == draw.prompt.query)
        #expect(draw.again.demonstrations != draw.prompt.demonstrations)
        for set in [draw.prompt, draw.again, draw.vector] {
          #expect(!(set.demonstrations + set.dummies).contains(set.query))
        }
      }
    }
    #expect(TaskConflict(prompt: try dataset(own), vector: try dataset(own)) == nil)
  }

  /// Sets that lend θ do not show the query.
  @Test func donors() throws {
    let sets = try TaskDataset(
      task: task("t", (0..<12).map { ("x\($0)", "y\($0)") }), shots: 3, dummies: 1, seed: 2
    ).demonstrationSets(.test, count: 8)
    for index in sets.indices {
      let donors = sets.donors(for: index, count: 10)
      #expect(donors.count == 10 && !donors.contains(index))
      #expect(
        donors.allSatisfy {
          !(sets[$0].demonstrations + sets[$0].dummies).contains(sets[index].query)
        })
    }
    #expect(Array(sets.prefix(1)).donors(for: 0, count: 2) == [0, 0])
  }
}
