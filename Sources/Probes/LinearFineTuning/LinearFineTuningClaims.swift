// LinearFineTuningClaims: the abstract's three claims as comparisons of two measured errors, in claims.csv and on the
// terminal, below the table of errors.

import TensorCore

struct LinearFineTuningClaims {
  let spec: LinearFineTuningSpec
  /// Rows of single seeds, and perhaps of all.
  let rows: [ResultRow]

  private static let paper = "Lee, Sohn and Lee 2026, arXiv:2602.23197"

  static let schema = TableSchema(
    file: "claims.csv",
    meaning:
      "One row per comparison that a claim of the paper's abstract makes, and architecture: two measured errors and "
      + "whether the first differs from the second as claimed in every seed.",
    columns: [
      .runID, .model,
      Column(
        "claim", .text, "The claim.", range: Claim.allCases.map(\.rawValue).joined(separator: ", ")),
      Column("comparison", .text, "What is compared, in words."), .task,
      .shots,
      Column("condition", .text, "The condition of the first error; see `conditions`."),
      Column("other_condition", .text, "The condition of the second error."),
      Column(
        "value", .real, "The first mean squared error, mean over seeds.",
        formula: "mean over seeds of mean (ŷ − y)²", unit: "squared units of y", range: "≥ 0",
        source: paper),
      Column(
        "other_value", .real, "The second, mean over seeds.",
        formula: "mean over seeds of mean (ŷ − y)²", unit: "squared units of y", range: "≥ 0",
        source: paper),
      Column(
        "difference", .real, "The first minus the second, mean over seeds.",
        formula: "value − other_value", unit: "squared units of y",
        source: Documentation.thisProject),
      Column(
        "ci_low", .real, "The lower end of the difference's 95 % bootstrap interval over seeds.",
        formula: "the 2.5 % quantile of the resamples", unit: "squared units of y",
        whenEmpty: "there is one seed", source: "Efron 1979, Annals of Statistics 7"),
      Column(
        "ci_high", .real, "The upper end.", formula: "the 97.5 % quantile of the resamples",
        unit: "squared units of y", whenEmpty: "there is one seed",
        source: "Efron 1979, Annals of Statistics 7"),
      Column("n", .integer, "The number of seeds behind both values.", unit: "seeds", range: "≥ 1"),
      Column(
        "holds", .truth,
        "Whether the difference has the claimed sign (or, where nothing should change, is at most a fifth "
          + "of the second error) in every seed.",
        formula: "difference < 0, difference > 0, or |difference| ≤ other_value / 5, in every seed",
        range: "0 or 1", whenEmpty: "there is one seed",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197, abstract; the fifth: this project"),
    ])

  enum Claim: String, CaseIterable {
    case allForgets = "all_weights_forget"
    case valuesKeep = "values_keep"
    case auxiliaryTrades = "few_shot_loss_trades"
  }

  private enum Expected { case less, more, kept }

  private struct Comparison {
    let claim: Claim
    let words: String
    let task: String
    let shots: Int
    let first, second: Condition
    let expected: Expected
  }

  private var comparisons: [Comparison] {
    let most = min(spec.shots, spec.testShots)
    return [
      Comparison(
        claim: .allForgets, words: "all weights: better without demonstrations", task: "theta_0",
        shots: 0, first: .fineTunedAll, second: .pretrained, expected: .less),
      Comparison(
        claim: .allForgets, words: "all weights: worse with them, same task", task: "theta_0",
        shots: most, first: .fineTunedAll, second: .pretrained, expected: .more),
      Comparison(
        claim: .allForgets, words: "all weights: worse with them, other tasks", task: "random",
        shots: most, first: .fineTunedAll, second: .pretrained, expected: .more),
      Comparison(
        claim: .valuesKeep, words: "values: better without demonstrations", task: "theta_0",
        shots: 0,
        first: .fineTunedValue, second: .pretrained, expected: .less),
      Comparison(
        claim: .valuesKeep, words: "values: the same with them, same task", task: "theta_0",
        shots: most, first: .fineTunedValue, second: .pretrained, expected: .kept),
      Comparison(
        claim: .valuesKeep, words: "values: the same with them, other tasks", task: "random",
        shots: most, first: .fineTunedValue, second: .pretrained, expected: .kept),
      Comparison(
        claim: .auxiliaryTrades, words: "few-shot loss, all: better, same task", task: "theta_0",
        shots: most, first: .fineTunedAllAuxiliary, second: .fineTunedAll, expected: .less),
      Comparison(
        claim: .auxiliaryTrades, words: "few-shot loss, all: worse, opposite task",
        task: "minus_theta_0", shots: most, first: .fineTunedAllAuxiliary, second: .fineTunedAll,
        expected: .more),
      Comparison(
        claim: .auxiliaryTrades, words: "few-shot loss, values: better, same task", task: "theta_0",
        shots: most, first: .fineTunedValueAuxiliary, second: .fineTunedValue, expected: .less),
      Comparison(
        claim: .auxiliaryTrades, words: "few-shot loss, values: worse, opposite task",
        task: "minus_theta_0", shots: most, first: .fineTunedValueAuxiliary,
        second: .fineTunedValue, expected: .more),
    ]
  }

  private struct Outcome {
    let comparison: Comparison
    let model: String
    let first, second: Double
    let difference: Estimate
    /// Nil where one seed says nothing of the others.
    let holds: Bool?
  }

  private func outcomes(_ model: String) -> [Outcome] {
    comparisons.compactMap { comparison in
      func errors(_ condition: Condition) -> [Double] {
        spec.seeds.compactMap { seed in
          rows.first {
            $0.seed == seed && $0.model == model && $0.condition == condition
              && $0.task == comparison.task && $0.shots == comparison.shots
          }?.estimate.value
        }
      }
      let (first, second) = (errors(comparison.first), errors(comparison.second))
      guard first.count == spec.seeds.count, second.count == first.count,
        let left = Statistics.mean(first), let right = Statistics.mean(second)
      else { return nil }
      let differences = zip(first, second).map { $0 - $1 }
      let holds = zip(differences, second).allSatisfy { difference, other in
        switch comparison.expected {
        case .less: difference < 0
        case .more: difference > 0
        case .kept: abs(difference) <= 0.2 * other
        }
      }
      return Outcome(
        comparison: comparison, model: model, first: left, second: right,
        difference: Bootstrap(key: "claims\u{0}\(model)\u{0}\(comparison.words)", seed: 0).mean(
          differences, clusters: spec.seeds.map { "\($0)" }),
        holds: spec.seeds.count > 1 ? holds : nil)
    }
  }

  func table(_ run: RunIdentity) -> Table {
    Table(
      Self.schema,
      rows: spec.architectures.flatMap { outcomes($0.name) }.map { outcome in
        let comparison = outcome.comparison
        return [
          .text(run.runID), .text(outcome.model), .text(comparison.claim.rawValue),
          .text(comparison.words), .text(comparison.task), .integer(comparison.shots),
          .text(comparison.first.rawValue), .text(comparison.second.rawValue),
          .real(outcome.first), .real(outcome.second), .real(outcome.difference.value),
          .real(outcome.difference.interval?.low), .real(outcome.difference.interval?.high),
          .integer(outcome.difference.count), .optional(outcome.holds.map { $0 ? 1 : 0 }),
        ]
      })
  }

  // MARK: The terminal

  func text(on screen: Screen) -> String {
    spec.architectures.map { architecture in
      (errors(architecture, on: screen) + [""] + claims(architecture, on: screen))
        .joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  private func errors(_ architecture: RegressionArchitecture, on screen: Screen) -> [String] {
    let wanted = spec.seeds.count > 1 ? nil : spec.seeds.first
    let shown = [0, 1, 2, 5, 10, 20].filter { $0 < spec.testShots } + [spec.testShots]
    var table = TextTable(
      headers: ["fine-tuned", "test task"] + shown.map { "\($0)" } + ["theory"])
    for condition in [.pretrained] + architecture.variants.map(\.condition) {
      for task in LinearFineTuningCell.tasks {
        func value(_ shots: Int) -> ResultRow? {
          rows.first {
            $0.model == architecture.name && $0.condition == condition && $0.task == task
              && $0.seed == wanted && $0.shots == shots
          }
        }
        let theory = value(spec.testShots).flatMap {
          LinearFineTuningCell.real("mse_closed_form", of: $0)
        }
        table.append(
          [condition.rawValue, task]
            + shown.map { TextTable.number(value($0)?.estimate.value, decimals: 3) }
            + [TextTable.number(theory, decimals: 3)])
      }
    }
    let seeds = spec.seeds.count > 1 ? ", mean of \(spec.seeds.count) seeds" : ""
    return ["\(architecture.name): mean squared error by number of demonstrations\(seeds)"]
      + table.lines(on: screen)
  }

  private func claims(_ architecture: RegressionArchitecture, on screen: Screen) -> [String] {
    var table = TextTable(headers: ["claim", "shots", "task", "error", "before", "holds"])
    for outcome in outcomes(architecture.name) {
      table.append([
        outcome.comparison.words, "\(outcome.comparison.shots)", outcome.comparison.task,
        TextTable.number(outcome.first, decimals: 3), TextTable.number(outcome.second, decimals: 3),
        outcome.holds.map { $0 ? "yes" : "no" } ?? "",
      ])
    }
    return [
      "the abstract's claims; `before` is the pre-trained model, or the same without few-shot loss"
    ]
      + table.lines(on: screen)
  }
}
