// LabelledData: a data set as the probe takes it: texts with words for labels, and which of them may be shown and which
// are asked.

import ICLTasks
import TensorCore

/// Where a data set comes from and how it is put into a prompt.
struct DataSource: Sendable, Equatable {
  enum Origin: Sendable, Equatable {
    /// A task of the library; its outputs are the labels.
    case task(String)
    /// One file; its examples say their split, or are split by the seed.
    case file(String)
    case files(train: String, test: String)
  }

  var name: String
  var origin: Origin
  /// The form of the prompt and the labels' words; without words the labels stand for themselves.
  var template: ClassificationTemplate
  /// Whether one pair of wrapping quotes and the blanks at the ends of a text go.
  var cleans: Bool
}

/// A data set.
struct LabelledData: Sendable {
  /// How the examples came apart.
  enum Division: String, Sendable, CaseIterable {
    /// As the files say.
    case given
    /// One labelled file, by the run's `split_seed`; no text is in both parts.
    case bySeed = "by_seed"
  }

  let name: String
  let template: PromptTemplate
  /// The labels' words.
  let labels: [String]
  let train, test: [ICLTask.Pair]
  let division: Division

  /// - Parameter trainShare: the share of the examples that may be shown where the seed decides.
  /// - Throws: errors of files and tasks; `RunError.invalidInput` where there is nothing to learn or to ask.
  init(
    _ source: DataSource, library: TaskLibrary, trainShare: Double, splitSeed: UInt64
  ) throws {
    func pairs(_ dataset: ClassificationDataset, split: String? = nil) throws -> [ICLTask.Pair] {
      let cleaned =
        source.cleans
        ? ClassificationDataset(name: dataset.name, examples: dataset.examples.map(\.cleaned))
        : dataset
      var template = source.template
      if template.labels.isEmpty {
        let words = cleaned.examples.reduce(into: [String]()) {
          if !$0.contains($1.label) { $0.append($1.label) }
        }
        template = ClassificationTemplate(
          name: template.name, prompt: template.prompt, pairJoint: template.pairJoint,
          labels: words.map { .init($0, $0) })
      }
      return try template.task(of: cleaned, split: split).pairs
    }
    let parts: (train: [ICLTask.Pair], test: [ICLTask.Pair])?
    var whole: [ICLTask.Pair] = []
    switch source.origin {
    case .task(let name):
      whole = try library.task(named: name).pairs
      parts = nil
    case .file(let path):
      let dataset = try ClassificationDataset(contentsOf: path)
      if dataset.examples.allSatisfy({ $0.split != nil }) {
        parts = (
          try pairs(dataset, split: Split.train.rawValue),
          try pairs(dataset, split: Split.test.rawValue)
        )
      } else {
        whole = try pairs(dataset)
        parts = nil
      }
    case .files(let train, let test):
      let shown = try pairs(ClassificationDataset(contentsOf: train))
      let known = Set(shown.map(\.input))
      // A text that may be shown is not asked.
      parts = (
        shown,
        try pairs(ClassificationDataset(contentsOf: test)).filter { !known.contains($0.input) }
      )
    }
    if let parts {
      (train, test) = parts
      division = .given
    } else {
      var generator = SeededGenerator(key: "data split\u{0}\(source.name)", seed: splitSeed)
      let order = generator.shuffled(whole)
      let count = Int((trainShare * Double(order.count)).rounded())
      train = Array(order.prefix(count))
      test = Array(order.dropFirst(count))
      division = .bySeed
    }
    name = source.name
    template = source.template.prompt
    let words = source.template.labels.map(\.word)
    labels =
      words.isEmpty
      ? (train + test).reduce(into: [String]()) {
        if !$0.contains($1.output) { $0.append($1.output) }
      }
      : words
    for (part, pairs) in [("to show", train), ("to ask", test)] {
      let found = Set(pairs.map(\.output))
      guard found.count > 1 else {
        throw RunError.invalidInput(
          subject: "data set \(name)",
          fact: pairs.isEmpty
            ? "there is no example \(part)"
            : "each of the \(pairs.count) examples \(part) has the label '\(found.first ?? "")', so the "
              + "file holds no labels; take one that does, or give it as 'file' alone to have it split"
        )
      }
    }
  }
}
