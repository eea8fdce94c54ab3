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
  public func dummyPrompts(_ set: DemonstrationSet, _ template: PromptTemplate) -> [Prompt] {
    set.dummies.map { task.prompt(template, showing: set.demonstrations, asking: $0) }
  }

  /// The control with shuffled labels: the same inputs and the same outputs, matched wrongly.
  public func shuffledLabels(_ set: DemonstrationSet) -> ShuffledLabels {
    ShuffledLabels(
      outputs: set.demonstrations.map { task.pairs[$0].output },
      key: "\(task.name)\u{0}\(set.split.rawValue)\u{0}\(set.index)", seed: seed)
  }

  /// The in-context prompt with shuffled labels.
  public func shuffledLabelsPrompt(
    _ set: DemonstrationSet, _ template: PromptTemplate
  ) -> Prompt {
    let inputs = set.demonstrations.map { task.pairs[$0].input }
    return template.prompt(
      demonstrations: Array(zip(inputs, shuffledLabels(set).outputs)),
      query: task.pairs[set.query].input)
  }
}
