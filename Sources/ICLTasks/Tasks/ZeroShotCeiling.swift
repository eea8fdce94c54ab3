// How well the best guesser does on the query alone: the ceiling of zero-shot accuracy.
//
// Pure counting over the tasks' pairs; no model and no tokenizer.

/// The highest expected accuracy that a zero-shot answer can reach over a set of tasks.
///
/// A task is drawn uniformly, then one of its pairs uniformly, and only the input is shown. Nothing
/// can do better than to give, for each input, the answer that is right with the greatest probability
/// over the tasks that contain the input: an answer counts for every task whose pair has it as its
/// output or accepts it, so tasks that agree on an input help each other. The ceiling is the sum over
/// inputs of that greatest probability,
///
/// `Σ_x max_a Σ_t [a is right for x under t] / (T · n_t)`
///
/// with T tasks and n_t pairs in task t. A model above it has learned something that the query does
/// not hold (that one task is likelier than another, or the evaluation leaks); a set of tasks with a
/// high ceiling cannot show that demonstrations matter.
///
/// - Parameter tasks: the tasks as evaluated: after the filter of answers, if there is one. Tasks
///   without pairs do not count.
/// - Returns: a probability, or `nil` when no task has a pair.
public func zeroShotCeiling(_ tasks: [ICLTask]) -> Double? {
  let filled = tasks.filter { !$0.pairs.isEmpty }
  guard !filled.isEmpty else { return nil }
  // Inputs stand in order of first appearance, so that the last bit of the sum does not depend on
  // hashing.
  var places: [String: Int] = [:]
  var inputs: [[(answer: String, probability: Double)]] = []
  for task in filled {
    let probability = 1 / (Double(filled.count) * Double(task.pairs.count))
    for pair in task.pairs {
      let place = places[pair.input] ?? inputs.count
      if place == inputs.count {
        places[pair.input] = place
        inputs.append([])
      }
      var counted: Set<String> = []
      for answer in pair.answers where counted.insert(answer).inserted {
        if let known = inputs[place].firstIndex(where: { $0.answer == answer }) {
          inputs[place][known].probability += probability
        } else {
          inputs[place].append((answer, probability))
        }
      }
    }
  }
  return inputs.reduce(0.0) { sum, answers in
    answers.map(\.probability).max().map { sum + $0 } ?? sum
  }
}
