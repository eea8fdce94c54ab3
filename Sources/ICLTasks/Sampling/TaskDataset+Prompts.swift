// The prompts of a demonstration set.

extension ICLTask {
  /// The demonstrations of some pairs, as a template takes them.
  public func demonstrations(_ pairs: [Int]) -> [(input: String, output: String)] {
    pairs.map { (self.pairs[$0].input, self.pairs[$0].output) }
  }

  /// The prompt that shows some pairs and asks another.
  public func prompt(_ template: PromptTemplate, showing shown: [Int], asking query: Int) -> Prompt
  {
    template.prompt(demonstrations: demonstrations(shown), query: pairs[query].input)
  }
}

extension TaskDataset {
  /// The in-context prompt: the demonstrations, then the query.
  public func inContextPrompt(_ set: DemonstrationSet, _ template: PromptTemplate) -> Prompt {
    task.prompt(template, showing: set.demonstrations, asking: set.query)
  }

  /// The query alone.
  public func zeroShotPrompt(_ set: DemonstrationSet, _ template: PromptTemplate) -> Prompt {
    template.zeroShotPrompt(query: task.pairs[set.query].input)
  }

  /// The prompts that the task vector is extracted from: the demonstrations, then a dummy query each.
  ///
  /// - Parameters:
  ///   - set: demonstrations and dummies.
  ///   - template: how they are written.
  ///   - shuffledLabels: whether the demonstrations' outputs are matched wrongly.
  public func dummyPrompts(
    _ set: DemonstrationSet, _ template: PromptTemplate, shuffledLabels: Bool = false
  ) -> [Prompt] {
    set.dummies.map { dummy in
      shuffledLabels
        ? shuffledLabelsPrompt(set, template, asking: dummy)
        : task.prompt(template, showing: set.demonstrations, asking: dummy)
    }
  }

  /// The control with shuffled labels: the same inputs and the same outputs, matched wrongly.
  public func shuffledLabels(_ set: DemonstrationSet) -> ShuffledLabels {
    ShuffledLabels(
      outputs: set.demonstrations.map { task.pairs[$0].output },
      key: "\(task.name)\u{0}\(set.split.rawValue)\u{0}\(set.index)", seed: seed)
  }

  /// The in-context prompt with shuffled labels, asking the set's query or another pair.
  public func shuffledLabelsPrompt(
    _ set: DemonstrationSet, _ template: PromptTemplate, asking query: Int? = nil
  ) -> Prompt {
    let inputs = set.demonstrations.map { task.pairs[$0].input }
    return template.prompt(
      demonstrations: Array(zip(inputs, shuffledLabels(set).outputs)),
      query: task.pairs[query ?? set.query].input)
  }
}

extension [DemonstrationSet] {
  /// The places of `count` other sets that may lend their θ to a set, counted on from it and over again where there are
  /// fewer; the set itself where there is none.
  ///
  /// - Parameters:
  ///   - index: the set's place among these.
  ///   - count: how many are wanted; nil for each that may, once.
  ///   - excluded: whether a set must not, by default because the query is among its demonstrations or dummies.
  public func donors(
    for index: Int, count: Int? = nil, excluding excluded: ((DemonstrationSet) -> Bool)? = nil
  ) -> [Int] {
    let query = self[index].query
    let able = (1..<Swift.max(1, self.count)).map { (index + $0) % self.count }.filter { place in
      excluded.map { !$0(self[place]) }
        ?? !(self[place].demonstrations + self[place].dummies).contains(query)
    }
    return (0..<(count ?? Swift.max(1, able.count))).map {
      able.isEmpty ? index : able[$0 % able.count]
    }
  }
}
