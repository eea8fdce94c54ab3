// The tasks that are computed and not read: letters, lists of letters, copies, first letters.
//
// Pure functions of nothing, or of the tasks read from files; the only randomness is the sample of
// lists, whose seed is fixed here.

import TensorCore

/// The tasks that the library generates.
///
/// - Source: the six algorithmic tasks of Hendel et al. 2023 (arXiv 2310.15916, §3.1): next_letter,
///   prev_letter, to_upper, to_lower, list_first, list_last. The others are ours; they make sure that
///   every input belongs to at least four tasks, so that a query alone does not tell its task.
public enum GeneratedTasks {
  /// The category of every generated task.
  public static let category = "algorithmic"
  /// How many lists the tasks on lists have.
  public static let listCount = 300

  /// The tasks on single letters and on lists of letters.
  public static var algorithmic: [ICLTask] { letters + lists }

  // MARK: Letters

  private static var letters: [ICLTask] {
    let lower = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    let upper = lower.map { $0.uppercased() }
    func task(
      _ name: String, _ inputs: some Sequence<String>, _ outputs: some Sequence<String>,
      from inputDomain: String, to outputDomain: String, inverseOf: String? = nil
    ) -> ICLTask {
      ICLTask(
        name: name, category: category, source: "generated", inputDomain: inputDomain,
        outputDomain: outputDomain, inverseOf: inverseOf,
        pairs: zip(inputs, outputs).map { ICLTask.Pair(input: $0, output: $1) })
    }
    let (small, capital) = ("letter", "capital_letter")
    return [
      task("next_letter", lower.dropLast(), lower.dropFirst(), from: small, to: small),
      task(
        "prev_letter", lower.dropFirst(), lower.dropLast(), from: small, to: small,
        inverseOf: "next_letter"),
      task("to_upper", lower, upper, from: small, to: capital),
      task("to_lower", upper, lower, from: capital, to: small, inverseOf: "to_upper"),
      task(
        "next_capital_letter", upper.dropLast(), upper.dropFirst(), from: capital, to: capital),
      task(
        "prev_capital_letter", upper.dropFirst(), upper.dropLast(), from: capital, to: capital,
        inverseOf: "next_capital_letter"),
    ]
  }

  // MARK: Lists

  /// `listCount` different lists of 2 to 4 letters (each length equally likely, letters uniform and
  /// with repetition), joined by commas, in the order drawn. A fixed sample: its key is part of the
  /// data.
  private static var sampledLists: [[String]] {
    let alphabet = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    var generator = SeededGenerator(key: "tasks/letter_list", seed: 0)
    var seen: Set<[String]> = []
    var lists: [[String]] = []
    while lists.count < listCount {
      let length = 2 + generator.uniformInteger(below: 3)
      let list = (0..<length).map { _ in alphabet[generator.uniformInteger(below: 26)] }
      if seen.insert(list).inserted { lists.append(list) }
    }
    return lists
  }

  private static var lists: [ICLTask] {
    let lists = sampledLists
    func task(
      _ name: String, to outputDomain: String, _ output: ([String]) -> String?
    ) -> ICLTask {
      ICLTask(
        name: name, category: category, source: "generated", inputDomain: "letter_list",
        outputDomain: outputDomain,
        pairs: lists.compactMap { list in
          output(list).map { ICLTask.Pair(input: list.joined(separator: ","), output: $0) }
        })
    }
    return [
      task("list_first", to: "letter") { $0.first },
      task("list_last", to: "letter") { $0.last },
      task("list_first_upper", to: "capital_letter") { $0.first?.uppercased() },
      task("list_last_upper", to: "capital_letter") { $0.last?.uppercased() },
      task("list_length", to: "digit") { "\($0.count)" },
    ]
  }

  // MARK: Copies and first letters

  /// The tasks `copy_<domain>` and `first_letter_<domain>` for every input domain of `tasks`, domains
  /// in sorted order.
  ///
  /// Their inputs are all inputs of the domain's tasks, in order of first appearance. The first
  /// letter is in lower case; an input that does not begin with a letter has none and is left out.
  /// The domain of letter lists gets neither (a copied list is not one item), and a first-letter task
  /// that agrees everywhere with a task that exists is left out: on single letters it would be the
  /// copy, or `to_lower`.
  public static func perDomain(of tasks: [ICLTask]) -> [ICLTask] {
    var generated: [ICLTask] = []
    let domains = Set(tasks.map(\.inputDomain)).subtracting(["letter_list"]).sorted()
    for domain in domains {
      let members = tasks.filter { $0.inputDomain == domain }
      var seen: Set<String> = []
      let inputs = members.flatMap(\.pairs).map(\.input).filter { seen.insert($0).inserted }
      let copy = ICLTask(
        name: "copy_\(domain)", category: category, source: "generated", inputDomain: domain,
        outputDomain: domain, pairs: inputs.map { ICLTask.Pair(input: $0, output: $0) })
      generated.append(copy)
      let firstLetter = ICLTask(
        name: "first_letter_\(domain)", category: category, source: "generated",
        inputDomain: domain, outputDomain: "letter",
        pairs: inputs.compactMap { input in
          guard let first = input.first, first.isLetter else { return nil }
          return ICLTask.Pair(input: input, output: first.lowercased())
        })
      if !firstLetter.pairs.isEmpty, !(members + [copy]).contains(where: firstLetter.agrees) {
        generated.append(firstLetter)
      }
    }
    return generated
  }
}

extension ICLTask {
  /// Whether another task gives the same output for every input of this one.
  func agrees(with other: ICLTask) -> Bool {
    let outputs = Dictionary(other.pairs.map { ($0.input, $0.output) }) { first, _ in first }
    return pairs.allSatisfy { outputs[$0.input] == $0.output }
  }
}
