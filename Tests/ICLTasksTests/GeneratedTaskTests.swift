// Generated tasks, inverses and the ceiling of zero-shot accuracy.

import ICLTasks
import Testing

@Suite struct GeneratedTaskTests {
  func named(_ name: String, _ tasks: [ICLTask] = GeneratedTasks.algorithmic) throws -> ICLTask {
    try #require(tasks.first { $0.name == name })
  }

  @Test func letters() throws {
    let next = try named("next_letter")
    #expect(next.pairs.count == 25)
    #expect(next.pairs.first == .init(input: "a", output: "b"))
    #expect(next.pairs.last == .init(input: "y", output: "z"))
    let previous = try named("prev_letter")
    #expect(previous.pairs.first == .init(input: "b", output: "a"))
    #expect(previous.inverseOf == "next_letter")
    #expect(next.inverted(named: "x").pairs == previous.pairs)
    let upper = try named("to_upper")
    #expect(upper.pairs.count == 26)
    #expect(try named("to_lower").pairs == upper.inverted(named: "x").pairs)
  }

  @Test func lists() throws {
    let first = try named("list_first")
    let last = try named("list_last")
    #expect(first.pairs.count == 300)
    #expect(Set(first.pairs.map(\.input)).count == 300)
    for (pair, other) in zip(first.pairs, last.pairs) {
      let items = pair.input.split(separator: ",").map(String.init)
      #expect((2...4).contains(items.count))
      #expect(items.allSatisfy { $0.count == 1 && ("a"..."z").contains($0) })
      #expect(pair.output == items.first)
      #expect(other.output == items.last)
      #expect(other.input == pair.input)
    }
    let lengths = try named("list_length").pairs.map(\.output)
    for length in ["2", "3", "4"] { #expect(lengths.count { $0 == length } > 60) }
    // The sample is part of the data: it must not move.
    #expect(first.pairs.prefix(3).map(\.input) == Self.firstLists)
  }

  static let firstLists = ["n,k,b", "i,p,n,a", "s,v,c"]

  @Test func everyDomainGetsACopyAndAFirstLetter() throws {
    let capital = ICLTask(
      name: "country_capital", category: "knowledge", source: "s", inputDomain: "country",
      pairs: [.init(input: "France", output: "Paris"), .init(input: "Égypte", output: "x")])
    let generated = GeneratedTasks.perDomain(of: GeneratedTasks.algorithmic + [capital])
    #expect(
      generated.map(\.name) == [
        "copy_capital_letter", "copy_country", "first_letter_country", "copy_letter",
      ])
    #expect(generated[2].pairs.map(\.output) == ["f", "é"])
    #expect(generated[1].pairs.map(\.output) == ["France", "Égypte"])
    #expect(generated[3].pairs.count == 26)
  }

  @Test func inverseKeepsEveryAlternative() {
    let continents = ICLTask(
      name: "continent", category: "c", source: "s", inputDomain: "country",
      outputDomain: "continent",
      pairs: [
        .init(input: "France", output: "Europe", accept: ["EU"]),
        .init(input: "Peru", output: "America"), .init(input: "Italy", output: "Europe"),
      ])
    let inverse = continents.inverted(named: "in_continent")
    #expect(
      inverse.pairs == [
        .init(input: "Europe", output: "France", accept: ["Italy"]),
        .init(input: "America", output: "Peru"),
      ])
    #expect(inverse.inputDomain == "continent")
    #expect(inverse.inverseOf == "continent")
    #expect(!continents.isInjective)
    #expect(inverse.isInjective)
  }

  @Test func digestBytesSeeEveryText() {
    func task(_ pairs: [ICLTask.Pair]) -> [UInt8] {
      ICLTask(name: "t", category: "c", source: "s", pairs: pairs).digestBytes
    }
    let base = task([.init(input: "a", output: "b", accept: ["c"])])
    #expect(base != task([.init(input: "a", output: "b"), .init(input: "c", output: "d")]))
    #expect(base != task([.init(input: "a", output: "b", accept: ["d"])]))
    #expect(base == task([.init(input: "a", output: "b", accept: ["c"])]))
  }

  // MARK: The ceiling

  func task(_ name: String, _ pairs: [(String, String)], accept: [String] = []) -> ICLTask {
    ICLTask(
      name: name, category: "c", source: "s",
      pairs: pairs.map { .init(input: $0, output: $1, accept: accept) })
  }

  @Test func ceilingByHand() throws {
    // One input, four tasks, four answers: a quarter.
    let four = (0..<4).map { task("t\($0)", [("x", "\($0)")]) }
    #expect(zeroShotCeiling(four) == 0.25)
    // Two of the four agree: a half.
    #expect(zeroShotCeiling(Array(four.prefix(3)) + [task("u", [("x", "0")])]) == 0.5)
    // A task that accepts another's answer agrees with it.
    #expect(
      zeroShotCeiling(Array(four.prefix(3)) + [task("u", [("x", "9")], accept: ["0"])]) == 0.5)
    // Task a has x and y, a quarter of the mass each; task b has x alone, half of the mass. The best
    // guesser answers x for b and y for a: 1/2 + 1/4.
    #expect(
      zeroShotCeiling([task("a", [("x", "1"), ("y", "2")]), task("b", [("x", "3")])]) == 0.75)
    #expect(zeroShotCeiling([]) == nil)
    #expect(zeroShotCeiling([task("empty", [])]) == nil)
  }

  /// Against brute force: over all ways to fix one answer per input, the best expected accuracy.
  @Test func ceilingIsTheBestFixedAnswer() throws {
    let tasks = [
      task("a", [("x", "1"), ("y", "2"), ("z", "1")]), task("b", [("x", "2"), ("y", "2")]),
      task("c", [("x", "2"), ("z", "3")], accept: ["1"]),
    ]
    var best = 0.0
    for x in ["1", "2", "3"] {
      for y in ["1", "2", "3"] {
        for z in ["1", "2", "3"] {
          let guess = ["x": x, "y": y, "z": z]
          let accuracies = tasks.map { task in
            let right = task.pairs.count { pair in
              guess[pair.input].map { pair.answers.contains($0) } == true
            }
            return Double(right) / Double(task.pairs.count)
          }
          best = max(best, accuracies.reduce(0, +) / 3)
        }
      }
    }
    let ceiling = try #require(zeroShotCeiling(tasks))
    #expect(abs(ceiling - best) < 1e-15)
  }
}
