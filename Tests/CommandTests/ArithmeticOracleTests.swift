// The probe vector-arithmetic against transformers, and plain torch for linear attention: every expression, and every term
// alone. Tests/Fixtures/laboratory/make_laboratory.py.

import CheckpointIO
import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ArithmeticOracleTests {
    /// The tasks and expressions of make_laboratory.py: two pairs a task and no demonstrations, so that the one dummy of
    /// the development sets is the query of the test set.
    private static let tasks = [
      ("upper", [("red", "RED"), ("blue", "BLUE")]), ("lower", [("HOT", "hot"), ("WET", "wet")]),
      ("next", [("one", "two"), ("three", "four")]),
    ]
    /// Right beside a pair's own output: random models are right in some of it, so that accuracies are not all 0.
    private static let accepted = ["SEVEN", "green", "SIX", "GREY", "hot", "FOUR", "pink"]

    private static let probe = """
      tasks_folder: arithmetic
      template: arrow
      answer_rule: synonym
      shots: 0
      dummies: 1
      development_sets: 2
      test_sets: 1
      expressions:
        - target: upper
          terms: [{task: upper}, {task: lower, weight: -1}, {task: next, weight: 0.5}]
        - target: lower
          terms: [{task: upper, weight: -1}, {task: lower}, {task: next}]
          mode: add
        - target: next
          terms: [{task: upper, weight: 2}, {task: lower, weight: -0.25}]

      """

    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func everyExpressionIsTheReferences(_ model: String) throws {
      let space = try Workspace.prepared()
      for (name, pairs) in Self.tasks {
        let task: JSON = [
          "name": .string(name), "category": "tiny", "source": "made by the test",
          "pairs": .array(
            pairs.map { input, output in
              [
                "input": .string(input), "output": .string(output),
                "accept": .array(Self.accepted.filter { $0 != output }.map { .string($0) }),
              ]
            }),
        ]
        try space.write(task.serialized(pretty: true), to: "arithmetic/tiny/\(name).json")
      }
      try space.write(
        "probe: vector-arithmetic\nmodels: [models/\(model)]\n" + Self.probe, to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      let samples = rows(of: try space.text("out/samples.csv"))
      var queries: [String: String] = [:]
      for row in samples where row["condition"] == "zero_shot" {
        queries[row["task"] ?? ""] = row["query"]
      }
      try #require(queries.count == 3)
      let cases = try JSON(contentsOf: fixture("laboratory/vector_arithmetic.json")).arrayValue
      let item = try #require(cases?.first { $0["model"]?.stringValue == model })
      // Those of the draws that this run made.
      let expected = (item["rows"]?.arrayValue ?? []).compactMap(\.arrayValue).filter { row in
        row[1].stringValue == queries[row[0].stringValue ?? ""]
          && row[2].objectValue?.allSatisfy { $1.stringValue == queries[$0] } == true
      }
      let own = samples.filter { $0["condition"] == "task_vector_arithmetic" }
      let accuracies = rows(of: try space.text("out/results.csv")).filter {
        $0["condition"] == "task_vector_arithmetic" && $0["metric"] == "accuracy"
          && $0["layer"] != ""
      }
      #expect(expected.count == 3 * (4 + 4 + 4) && accuracies.count == expected.count)
      let answers = Dictionary(uniqueKeysWithValues: Self.tasks.flatMap(\.1))
      let pieces = Workspace.tokenizer["model"]?["vocab"]?.objectValue ?? JSONObject()
      var compared = 0
      for row in expected {
        let place = [row[0], row[3], row[4]].map { $0.stringValue ?? "" }
        let layer = "\(row[5].intValue ?? -1)"
        func isHere(_ row: [String: String]) -> Bool {
          ["task", "expression", "mode"].map { row[$0] ?? "" } == place && row["layer"] == layer
        }
        let right = Self.accepted + [answers[queries[place[0]] ?? ""] ?? ""]
        let isRight = right.contains { pieces[$0]?.intValue == row[8].intValue }
        let accuracy = try #require(accuracies.first(where: isHere)?["value"])
        #expect(Double(accuracy) == (isRight ? 1 : 0), "\(place) in layer \(layer)")
        guard let sample = own.first(where: isHere) else { continue }
        for (column, value) in [("target_logprob", row[6]), ("logit_diff", row[7])] {
          let found = Double(sample[column] ?? "") ?? .nan
          let value = value.doubleValue ?? .nan
          #expect(
            abs(found - value) <= Tolerance.probe * max(1, abs(value)),
            "\(place) in layer \(layer): \(column) is \(found), expected \(value)")
        }
        compared += 1
      }
      // One row a way to edit, at the layer that it chose.
      #expect(compared == 12 && own.count == 12)
      #expect(Set(own.compactMap { $0["layer"] }).count > 1)
      #expect(Set(accuracies.compactMap { $0["value"] }) == ["0.0", "1.0"])
    }
  }
}
