// MomentumAttentionSummary: rows over seeds, each momentum model beside the plain model of the same seed, and the tables in
// the terminal. A seed is one training of both; it is what intervals are over.

import CKernels
import TensorCore

struct MomentumAttentionSummary {
  let spec: MomentumAttentionSpec

  /// For each place of `rows` that is reported over seeds: its mean, and the paired difference from the plain model.
  func rows(_ rows: [ResultRow]) -> [ResultRow] {
    var bySeed: [Key: [Int: Double]] = [:]
    for row in rows {
      if let seed = row.seed, let value = row.estimate.value {
        bySeed[Key(row), default: [:]][seed] = value
      }
    }
    return rows.filter { $0.seed == spec.seeds[0] && Self.isReported($0) }.flatMap { first in
      let key = Key(first)
      let own = spec.seeds.map { bySeed[key]?[$0] }
      func made(_ metric: Metric, _ estimate: Estimate) -> ResultRow {
        var row = first
        row.seed = nil
        row.metric = metric
        row.estimate = estimate
        return row
      }
      let runs = PairedRuns(
        names: spec.seeds.map { "\($0)" }, key: "momentum-attention\u{0}\(first.metric)\(key)")
      let mean = runs.mean(own)
      var found = [made(first.metric, mean)]
      if first.metric == .loss { found.append(made(.perplexity, mean.map(exponential))) }
      guard first.condition == .momentumAttention else { return found }
      let change = runs.change(own, from: spec.seeds.map { bySeed[key.plain]?[$0] })
      return found + [
        made(first.metric == .loss ? .lossChange : .accuracyChange, change.mean),
        made(.permutationP, change.p),
      ]
    }
  }

  private static func isReported(_ row: ResultRow) -> Bool {
    row.metric == .loss || (row.metric == .accuracy && row.task == "mean")
  }

  /// Where a value was measured, but for the seed.
  private struct Key: Hashable, CustomStringConvertible {
    var model: String
    var task: String
    var metric: Metric
    var shots: Int?
    var momentum: TableValue
    var length: TableValue

    init(_ row: ResultRow) {
      model = row.model
      task = row.task ?? ""
      metric = row.metric
      shots = row.shots
      (momentum, length) = (row.extra[0], row.extra[1])
    }

    var plain: Key {
      var key = self
      key.momentum = .empty
      return key
    }

    var description: String {
      "\(model)/\(task)/\(shots ?? -1)/\(momentum)/\(length)"
    }
  }

  // MARK: The terminal

  func text(_ rows: [ResultRow], on screen: Screen) -> String {
    let seeds = spec.seeds.count
    let wanted = seeds > 1 ? nil : spec.seeds.first
    return spec.attention.map { attention in
      let own = rows.filter { $0.model == attention.rawValue && $0.seed == wanted }
      func value(_ metric: Metric, _ momentum: Double?, shots: Int? = nil, length: Int? = nil)
        -> Double?
      {
        own.first {
          $0.metric == metric && $0.extra == [.real(momentum), .optional(length)]
            && $0.shots == shots && ($0.task == "text" || $0.task == "mean")
        }?.estimate.value
      }
      let momenta = [nil] + spec.decays.map { Optional($0) }
      var table = TextTable(
        headers: [attention.rawValue] + spec.lengths.map { "ppl \($0)" }
          + spec.lengths.map { "Δ \($0)" } + spec.testShots.map { "\($0)" })
      for momentum in momenta {
        let perplexities = spec.lengths.map {
          TextTable.number(value(.perplexity, momentum, length: $0), decimals: 3)
        }
        let changes = spec.lengths.map {
          TextTable.number(value(.lossChange, momentum, length: $0), decimals: 4)
        }
        let accuracies = spec.testShots.map {
          TextTable.number(value(.accuracy, momentum, shots: $0))
        }
        table.append(
          [momentum.map { "η = \($0)" } ?? "plain"] + perplexities + changes + accuracies)
      }
      return table.lines(on: screen).joined(separator: "\n")
    }.joined(separator: "\n\n")
      + "\n\nperplexity of held-out text by length, change of the loss (nats a token) from the plain model, "
      + "in-context accuracy by demonstrations; \(seeds) seed\(seeds == 1 ? "" : "s")"
  }
}

/// e to the power of a real number, the same bits everywhere.
func exponential(_ value: Double) -> Double { ck_exp(value) }
