// A task: a named function given by its pairs of input and output.
//
// A value without behaviour. Reading files is TaskFile.swift; which pairs a model can answer is
// decided per tokenizer in Answers/.

/// An in-context-learning task: input and output pairs that one rule connects.
public struct ICLTask: Sendable, Equatable {
  /// One input with its right answers.
  public struct Pair: Sendable, Equatable, Hashable {
    /// What is asked.
    public let input: String
    /// The answer that demonstrations show and that metrics take as the target.
    public let output: String
    /// Further right answers, such as synonyms; without `output` itself.
    public let accept: [String]

    public init(input: String, output: String, accept: [String] = []) {
      self.input = input
      self.output = output
      self.accept = accept
    }

    /// Every right answer, `output` first.
    public var answers: [String] { [output] + accept }
  }

  /// Unique in its library; part of the key of every draw.
  public let name: String
  /// Such as `knowledge`; rules of answers and means over tasks go by it.
  public let category: String
  /// Where the facts come from, for the reader of the file.
  public let source: String
  /// The name of the set that the inputs belong to: tasks that share it can be asked the same
  /// queries, so that only the demonstrations tell which task is meant.
  public let inputDomain: String
  /// The name of the set that the outputs belong to.
  public let outputDomain: String
  /// The task that this one inverts, if it says so.
  public let inverseOf: String?
  /// In the order of the file; places in it are what demonstration sets hold.
  public let pairs: [Pair]

  /// A task from its parts; `inputDomain` and `outputDomain` default to domains of its own, named
  /// after the task.
  public init(
    name: String, category: String, source: String, inputDomain: String? = nil,
    outputDomain: String? = nil, inverseOf: String? = nil, pairs: [Pair]
  ) {
    self.name = name
    self.category = category
    self.source = source
    self.inputDomain = inputDomain ?? "\(name)_input"
    self.outputDomain = outputDomain ?? "\(name)_output"
    self.inverseOf = inverseOf
    self.pairs = pairs
  }

  /// The same task with some of its pairs only.
  public func keeping(_ kept: [Pair]) -> ICLTask {
    ICLTask(
      name: name, category: category, source: source, inputDomain: inputDomain,
      outputDomain: outputDomain, inverseOf: inverseOf, pairs: kept)
  }

  /// Whether no two inputs share an output, so that the inverse is a function.
  public var isInjective: Bool {
    Set(pairs.map(\.output)).count == pairs.count
  }

  /// The task with inputs and outputs exchanged, for bijection controls.
  ///
  /// Where several inputs have the same output, the first in file order becomes the inverse's output
  /// and the others its further right answers. The alternatives in `accept` are not inverted.
  public func inverted(named inverseName: String) -> ICLTask {
    var order: [String] = []
    var inputs: [String: [String]] = [:]
    for pair in pairs {
      if inputs[pair.output] == nil { order.append(pair.output) }
      inputs[pair.output, default: []].append(pair.input)
    }
    let inverse = order.compactMap { output -> Pair? in
      guard let answers = inputs[output], let first = answers.first else { return nil }
      return Pair(input: output, output: first, accept: Array(answers.dropFirst()))
    }
    return ICLTask(
      name: inverseName, category: category, source: "the inverse of \(name)",
      inputDomain: outputDomain, outputDomain: inputDomain, inverseOf: name, pairs: inverse)
  }

  /// The bytes that stand for this task in the digest of a run's data: every text followed by a
  /// zero byte, in a fixed order, with the lengths of the lists. `source` is left out, because it
  /// has no effect on a result.
  public var digestBytes: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ text: String) {
      bytes.append(contentsOf: text.utf8)
      bytes.append(0)
    }
    for text in [name, category, inputDomain, outputDomain, inverseOf ?? "", "\(pairs.count)"] {
      append(text)
    }
    for pair in pairs {
      append(pair.input)
      append("\(pair.answers.count)")
      for answer in pair.answers { append(answer) }
    }
    return bytes
  }
}
