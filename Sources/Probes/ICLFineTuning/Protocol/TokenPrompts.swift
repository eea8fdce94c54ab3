// TokenPrompts: demonstrations and queries as tokens. Each demonstration is tokenized once, alone, so that in-context
// learning and fine-tuning see the same tokens and their attention can be compared token by token.

/// The demonstrations of one seed, in their order.
package struct Demonstrations: Sendable, Equatable {
  /// The tokens before everything: beginning of sequence, where the tokenizer or the user wants one.
  package let beginning: [Int]
  /// Each demonstration with its answer; no separators.
  package let items: [[Int]]
  /// What follows each demonstration in a prompt; fine-tuning does not see it.
  package let separator: [Int]
  /// How many tokens of each item, from its end, are the answer.
  package let answerCounts: [Int]

  package init(beginning: [Int], items: [[Int]], separator: [Int], answerCounts: [Int]) {
    precondition(items.count == answerCounts.count, "\(items.count) items, \(answerCounts.count)")
    self.beginning = beginning
    self.items = items
    self.separator = separator
    self.answerCounts = answerCounts
  }

  /// The in-context prompt up to the query.
  package var context: [Int] { beginning + items.flatMap { $0 + separator } }

  /// The positions in `context` of each item's tokens.
  package var itemPlaces: [[Int]] {
    var next = beginning.count
    return items.map { item in
      defer { next += item.count + separator.count }
      return Array(next..<next + item.count)
    }
  }

  /// The positions in `context` of all items' tokens, separators left out.
  package var places: [Int] { itemPlaces.flatMap { $0 } }

  /// The same demonstrations in another order.
  package func reordered(_ order: [Int]) -> Demonstrations {
    Demonstrations(
      beginning: beginning, items: order.map { items[$0] }, separator: separator,
      answerCounts: order.map { answerCounts[$0] })
  }
}

/// A query and the answers that compete.
package struct Question: Sendable, Equatable {
  package let tokens: [Int]
  /// The tokens of each answer after `tokens`.
  package let answers: [[Int]]
  /// Which of them is right.
  package let right: Int

  /// Tokens with the longest answer.
  package var longest: Int { tokens.count + (answers.map(\.count).max() ?? 0) }

  package init(tokens: [Int], answers: [[Int]], right: Int) {
    precondition(answers.indices.contains(right), "answer \(right) of \(answers.count)")
    self.tokens = tokens
    self.answers = answers
    self.right = right
  }
}
