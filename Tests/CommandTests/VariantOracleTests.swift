// The probes task-vectors, task-vector-variants, conflicting-tasks, bijections and function-vectors, and θ in the probe lens,
// against transformers, and plain torch for linear attention: every way to make a vector and to put it in, at every layer,
// answers of several tokens included. Tests/Fixtures/laboratory/make_laboratory.py computes what follows from the pairs in
// sets.json, which the program draws: they are written here with RECORD=1 and otherwise compared.

import CheckpointIO
import Foundation
import ICLTasks
import Probes
import TensorCore
import TestSupport
import Testing

extension CommandTests {
  @Suite struct VariantOracleTests {
    /// Two tasks on the same inputs whose answers have nothing in common. Every second output of `loud` has two tokens;
    /// a part of the vocabulary is accepted besides, so that random models are right now and then.
    private static let tasks = [
      task(
        "loud", words,
        { $0 % 2 == 0 ? capitals[$0] : "\(capitals[$0]) \(capitals[($0 + 1) % 20])" }, [0, 1]),
      task("soft", words, { "\(words[($0 + 3) % 20]) \(words[($0 + 4) % 20])" }, [2, 3, 4]),
    ]
    /// A task and its inverse.
    private static let bijection = [
      task("cap", words, { capitals[$0] }, [0, 1]),
      task("low", capitals, { words[$0] }, [1, 2], inverseOf: "cap"),
    ]

    private static let words = Workspace.words
    private static let capitals = words.map { $0.uppercased() }

    private static func task(
      _ name: String, _ inputs: [String], _ output: (Int) -> String, _ shares: Set<Int>,
      inverseOf: String? = nil
    ) -> ICLTask {
      ICLTask(
        name: name, category: "tiny", source: "made by the test", inverseOf: inverseOf,
        pairs: inputs.indices.map { place in
          let others = (words + capitals).enumerated().filter {
            shares.contains((3 * $0.offset + place) % 5)
          }.map(\.element)
          return ICLTask.Pair(
            input: inputs[place], output: output(place),
            accept: others.filter { $0 != output(place) })
        })
    }

    private static let splits = [(DatasetSplit.development, 3), (.test, 4)]

    // MARK: What is drawn

    private static func dataset(_ task: ICLTask, shots: Int = 3, dummies: Int = 2) throws
      -> TaskDataset
    {
      try TaskDataset(task: task, shots: shots, dummies: dummies, seed: 11)
    }

    private static func json(_ set: DemonstrationSet, of task: ICLTask) -> JSONObject {
      [
        "demonstrations": .array(
          task.demonstrations(set.demonstrations).map { [.string($0.input), .string($0.output)] }),
        "dummies": .array(set.dummies.map { .string(task.pairs[$0].input) }),
      ]
    }

    /// With the query.
    private static func asked(_ set: DemonstrationSet, of task: ICLTask) -> JSON {
      var own = json(set, of: task)
      own["query"] = .string(task.pairs[set.query].input)
      return .object(own)
    }

    private static func json(
      _ dataset: TaskDataset, change: (DemonstrationSet) -> DemonstrationSet = { $0 }
    ) -> JSON {
      .object(
        JSONObject(
          splits.map { split, count in
            let sets = dataset.demonstrationSets(split, count: count).map(change)
            return (split.rawValue, .array(sets.map { asked($0, of: dataset.task) }))
          }))
    }

    private static func drawn() throws -> JSON {
      let loud = try dataset(tasks[0])
      let conflict = try #require(
        try TaskConflict(prompt: loud, vector: dataset(tasks[1])))
      let both = bijection[0].bijection(with: bijection[1])
      let facts = try BijectionDataset(
        both, names: ("cap", "low"), shots: 3, dummies: 2, seed: 11)
      func answers(_ task: ICLTask) -> JSON {
        .object(
          JSONObject(task.pairs.map { ($0.input, .array($0.answers.map { .string($0) })) }))
      }
      func sets(_ arm: BijectionDataset.Arm, _ dummies: BijectionDataset.Dummies = .both) -> JSON {
        .object(
          JSONObject(
            splits.map { split, count in
              let sets = facts.sets(split, count: count, arm, dummies: dummies)
              return (split.rawValue, .array(sets.map { asked($0, of: both) }))
            }))
      }
      return [
        "tasks": .object(
          JSONObject(tasks.map { ($0.name, answers($0)) } + [("cap", answers(both))])),
        "bijections": [
          "forward": sets(.forward), "inverse": sets(.inverse), "mixed both": sets(.mixed),
          "mixed same": sets(.mixed, .same), "mixed opposite": sets(.mixed, .opposite),
        ],
        "loud": json(loud),
        "shots=2": json(try dataset(tasks[0], shots: 2)),
        "dummies=1": json(try dataset(tasks[0], dummies: 1)),
        "order=0": json(loud) { set in
          var generator = SeededGenerator(
            key: "order\u{0}0\u{0}\(set.split.rawValue)\u{0}\(set.index)", seed: 11)
          return DemonstrationSet(
            split: set.split, index: set.index,
            demonstrations: generator.shuffled(set.demonstrations), query: set.query,
            dummies: set.dummies)
        },
        "heads": .object(
          JSONObject(
            try tasks.map { task in
              let dataset = try dataset(task)
              func sets(_ split: DatasetSplit, _ count: Int) -> JSON {
                .array(
                  dataset.demonstrationSets(split, count: count).map { set in
                    var own = asked(set, of: task).objectValue ?? JSONObject()
                    own["shuffled"] = .array(
                      dataset.shuffledLabels(set).outputs.map { .string($0) })
                    return .object(own)
                  })
              }
              return (task.name, ["dev": sets(.development, 27), "test": sets(.test, 4)])
            })),
        "conflict": .object(
          JSONObject(
            splits.map { split, count in
              (
                split.rawValue,
                .array(
                  conflict.draws(split, count: count).map { draw in
                    [
                      "query": .string(tasks[0].pairs[draw.prompt.query].input),
                      "prompt": .object(json(draw.prompt, of: tasks[0])),
                      "vector": .object(json(draw.vector, of: tasks[1])),
                      "again": .object(json(draw.again, of: tasks[0])),
                    ]
                  })
              )
            })),
      ]
    }

    @Test func setsAreAsDrawn() throws {
      let path = fixture("laboratory/sets.json")
      let found = Data((try Self.drawn().serialized(pretty: false) + "\n").utf8)
      if ProcessInfo.processInfo.environment["RECORD"] == "1" {
        try found.write(to: URL(fileURLWithPath: path))
        Issue.record("\(path) was recorded anew; run make_laboratory.py, then test without RECORD")
      } else {
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == found)
      }
    }

    // MARK: Runs

    private func run(_ probe: String, _ model: String, answer: String = "whole", _ more: String)
      throws -> Workspace
    {
      let space = try Workspace.prepared()
      for task in Self.tasks + Self.bijection {
        var json: JSONObject = [
          "name": .string(task.name), "category": "tiny", "source": "made by the test",
          "pairs": .array(
            task.pairs.map {
              [
                "input": .string($0.input), "output": .string($0.output),
                "accept": .array($0.accept.map { .string($0) }),
              ]
            }),
        ]
        json["inverse_of"] = task.inverseOf.map { .string($0) }
        try space.write(
          JSON.object(json).serialized(pretty: true), to: "tasks/tiny/\(task.name).json")
      }
      try space.write(
        """
        probe: \(probe)
        models: [models/\(model)]
        tasks_folder: tasks
        template: arrow
        answer: \(answer)
        answer_rule: synonym
        shots: 3
        test_sets: 4
        seed: 11
        \(more)

        """, to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      return space
    }

    private func item(_ model: String) throws -> JSON {
      let cases = try JSON(contentsOf: fixture("laboratory/variants.json")).arrayValue ?? []
      return try #require(cases.first { $0["model"]?.stringValue == model })
    }

    /// One way to make and use a vector, by layer.
    private struct Curve {
      let task, condition, position, setting, shots: String
      /// Of the probe's own columns.
      let columns: [String: String]
      /// As the tables write them; "" for what is of no layer.
      let layers: [String]
      /// How many of the development sets are right, by layer; nil where nothing is chosen.
      let development: [Int]?
      /// By layer and set: log-probability, margin, rank, whether it is right.
      let test: [[[JSON]]]

      init(_ json: JSON) {
        func text(_ json: JSON?) -> String {
          json?.stringValue ?? json?.intValue.map { "\($0)" } ?? ""
        }
        (task, condition, position, setting, shots) = (
          text(json["task"]), text(json["condition"]), text(json["position"]),
          text(json["setting"]), text(json["shots"])
        )
        columns = Dictionary(
          uniqueKeysWithValues: (json["columns"]?.objectValue ?? JSONObject()).map {
            ($0, text($1))
          })
        layers = json["layers"]?.arrayValue?.map(text) ?? []
        development = json["dev"]?.arrayValue?.map { layer in
          layer.arrayValue?.count { $0.intValue == 1 } ?? -1
        }
        test = json["test"]?.arrayValue?.map { $0.arrayValue?.compactMap(\.arrayValue) ?? [] } ?? []
      }

      /// Which sets are right, by layer.
      var right: [[Bool]] { test.map { $0.map { $0[3].intValue == 1 } } }
      var accuracies: [Double] { right.map { Double($0.count { $0 }) / Double($0.count) } }
      /// Whether a row of a table is of this curve, whatever its layer and split.
      func isOf(_ row: [String: String], as name: String? = nil) -> Bool {
        let key = ["task", "condition", "position", "setting", "shots"].map { row[$0] ?? "" }
        return key == [task, name ?? condition, position, setting, shots]
          && columns.allSatisfy { row[$0] ?? "" == $1 }
      }

      /// The layer of the most right answers, the first of equals.
      var chosen: Int? {
        development.flatMap { right in right.firstIndex { $0 == right.max() } }
      }
    }

    /// The tables of a run.
    private struct Tables {
      let results, samples: [[String: String]]

      init(_ space: Workspace) throws {
        results = rows(of: try space.text("out/results.csv"))
        samples = rows(of: try space.text("out/samples.csv"))
      }
    }

    /// Compares a curve with the rows of a run.
    ///
    /// - Parameters:
    ///   - condition: what the run calls it, where that is not its own name.
    ///   - chosen: the layer that was chosen on something else.
    ///   - onlyChosen: whether the other layers are not in the tables.
    ///   - bare: conditions that may have accuracies without examples.
    /// - Returns: how many numbers were compared.
    private func compare(
      _ curve: Curve, with tables: Tables, as condition: String? = nil, chosen: Int? = nil,
      onlyChosen: Bool = false, bare: Set<String> = []
    ) -> Int {
      let name = "\(curve)".prefix(120)
      var compared = 0
      let own = tables.results.filter { curve.isOf($0, as: condition) }
      func value(_ split: String, _ layer: String, _ metric: String = "accuracy") -> Double? {
        let found = own.filter {
          $0["split"] == split && $0["layer"] == layer && $0["metric"] == metric
        }
        #expect(found.count == 1, "\(name): \(found.count) rows of \(metric) in layer '\(layer)'")
        compared += 1
        return found.first.flatMap { Double($0["value"] ?? "") }
      }
      for (layer, accuracy) in zip(curve.layers, curve.accuracies) where !onlyChosen {
        #expect(value("test", layer) == accuracy, "\(name) in layer \(layer)")
      }
      if let found = curve.chosen {
        #expect(value("development", "", "chosen_layer") == Double(found), "\(name)")
      }
      let place = chosen ?? curve.chosen
      if let place { #expect(value("test", "") == curve.accuracies[place], "\(name)") }
      for (index, layer) in curve.layers.enumerated() where place == nil || place == index {
        let samples = tables.samples.filter {
          curve.isOf($0, as: condition) && $0["split"] == "test" && $0["layer"] == layer
        }
        if samples.isEmpty, bare.contains(curve.condition) { continue }
        #expect(samples.count == curve.test[index].count, "\(name): \(samples.count) samples")
        for (row, expected) in zip(samples, curve.test[index]) {
          for (column, value) in zip(["target_logprob", "logit_diff"], expected) {
            let (own, value) = (Double(row[column] ?? "") ?? .nan, value.doubleValue ?? .nan)
            #expect(
              abs(own - value) <= Tolerance.probe * max(1, abs(value)),
              "\(name): \(column) is \(own), expected \(value)")
          }
          #expect(row["target_rank"] == expected[2].intValue.map { "\($0)" }, "\(name)")
          #expect(row["correct"] == expected[3].intValue.map { "\($0)" }, "\(name)")
          compared += 4
        }
      }
      return compared
    }

    /// The tests beside a curve, of what the reference says is right: by functions that statsmodels and SciPy check, all signs
    /// tried here.
    private func compareTests(_ curve: Curve, against reference: [Bool], with tables: Tables) {
      guard let chosen = curve.chosen else { return }
      func expect(_ metric: String, _ layer: String, _ expected: Double?) {
        let found = tables.results.filter {
          curve.isOf($0) && $0["split"] == "test" && $0["layer"] == layer && $0["metric"] == metric
        }
        let value = found.first.flatMap { Double($0["value"] ?? "") }
        #expect(
          found.count == 1 && value == expected, "\(curve.condition) \(curve.setting) \(metric)")
      }
      let p = curve.right.map { Statistics.mcNemarExact($0, reference) }
      let (holm, benjaminiHochberg) = (
        Statistics.holmAdjusted(p), Statistics.benjaminiHochbergAdjusted(p)
      )
      for (index, layer) in curve.layers.enumerated() {
        expect("mcnemar_p", layer, p[index])
        expect("holm_p", layer, holm[index])
        expect("bh_p", layer, benjaminiHochberg[index])
      }
      let outcomes = curve.right.map { $0.map { $0 ? 1.0 : 0 } }
      let differences = outcomes.map { zip($0, reference).map { $0 - ($1 ? 1 : 0) } }
      func sum(_ layer: Int, _ pattern: Int) -> Double {
        abs(
          differences[layer].enumerated().reduce(0) {
            $0 + (pattern >> $1.offset & 1 == 0 ? $1.element : -$1.element)
          })
      }
      let patterns = 0..<(1 << reference.count)
      func share(_ isAsGreat: (Int) -> Bool) -> Double {
        Double(patterns.count(where: isAsGreat)) / Double(patterns.count)
      }
      expect("mcnemar_p", "", p[chosen])
      expect("permutation_p", "", share { sum(chosen, $0) >= sum(chosen, 0) })
      expect(
        "permutation_p_corrected", "",
        share { pattern in
          outcomes.indices.contains { sum($0, pattern) >= sum(chosen, 0) }
        })
      let fitted = Statistics.crossFittedChoice(
        outcomes, clusters: reference.indices.map { "\($0)" })
      expect(
        "accuracy_cross_fitted", "", fitted.map { $0.reduce(0, +) / Double(reference.count) })
    }

    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func everyVariantIsTheReferences(_ model: String) throws {
      let tables = try Tables(
        run(
          "task-vector-variants", model,
          """
          tasks: [loud]
          development_sets: 3
          scales: [1, -2]
          add_at: [last, all]
          positions: 2
          shot_counts: [2]
          dummy_counts: [1]
          orders: 1
          ranks: [1, 2]
          """))
      let curves = (try item(model)["curves"]?.arrayValue ?? []).map(Curve.init).filter {
        $0.task == "loud" && !$0.condition.hasSuffix("_conflict")
          && $0.condition != "task_vector_override"
      }
      let compared = curves.reduce(0) { $0 + compare($1, with: tables, bare: ["icl"]) }
      #expect(compared > 300)
      let bare = curves.filter { ["zero_shot", "icl"].contains($0.condition) }
      for curve in curves {
        let isInContext = ["task_vector_in_context", "task_vector_every_arrow"].contains(
          curve.condition)
        compareTests(curve, against: bare[isInContext ? 1 : 0].right[0], with: tables)
      }
      // Nothing stands there that the reference does not have, and not all is wrong or right.
      let accuracies = tables.results.filter { $0["metric"] == "accuracy" }
      let expected = curves.reduce(0) { $0 + $1.layers.count + ($1.chosen == nil ? 0 : 1) }
      #expect(accuracies.count == expected)
      #expect(Set(accuracies.compactMap { $0["value"] }).count > 2)
    }

    /// The protocol itself, with another engine than the variants', on the same sets.
    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func taskVectorsAreTheReferences(_ model: String) throws {
      let tables = try Tables(
        run("task-vectors", model, "tasks: [loud]\ndevelopment_sets: 3"))
      var compared = 0
      for curve in (try item(model)["curves"]?.arrayValue ?? []).map(Curve.init)
      where curve.task == "loud" && ["zero_shot", "icl", "task_vector"].contains(curve.condition)
        && ["", "last"].contains(curve.position) && curve.setting == "" && curve.shots == "3"
      {
        compared += compare(curve, with: tables)
      }
      #expect(compared == (1 + 16) + (1 + 16) + (3 + 1 + 1 + 16))
    }

    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func conflictsAreTheReferences(_ model: String) throws {
      let tables = try Tables(
        run("conflicting-tasks", model, "pairs: [loud -> soft]\ndevelopment_sets: 3"))
      let curves = (try item(model)["curves"]?.arrayValue ?? []).map(Curve.init)
      let alone = try #require(
        curves.first { $0.task == "soft" && $0.condition == "task_vector_conflict" })
      let chosen = try #require(alone.chosen)
      var compared = 0
      for curve in curves {
        switch curve.condition {
        case "zero_shot_conflict", "icl_conflict":
          compared += compare(
            curve, with: tables, as: String(curve.condition.dropLast("_conflict".count)))
        case "task_vector_override":
          compared += compare(curve, with: tables, chosen: chosen)
        case "task_vector_conflict":
          compared += compare(
            curve, with: tables,
            as: curve.task == "soft" ? "task_vector" : "task_vector_other_task", chosen: chosen)
        case "own_conflict":
          compared += compare(
            curve, with: tables, as: "task_vector_in_context", chosen: chosen, onlyChosen: true)
        default: break
        }
      }
      #expect(compared == 2 * (2 * 17 + 20 + 20 + 17) + 1)
    }

    /// A task, its inverse and both mixed; every way to write the dummies, and vectors at every arrow.
    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func bijectionsAreTheReferences(_ model: String) throws {
      let tables = try Tables(
        run("bijections", model, "tasks: [cap]\ndevelopment_sets: 3\nuntrained: false"))
      let compared = (try item(model)["curves"]?.arrayValue ?? []).map(Curve.init).filter {
        $0.task == "cap"
      }.reduce(0) { $0 + compare($1, with: tables) }
      #expect(compared == 3 * 2 * 17 + 6 * 21)
    }

    /// Effects of heads on each task and over both, the heads of the greatest, and what the vectors do.
    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func functionVectorsAreTheReferences(_ model: String) throws {
      let tables = try Tables(
        run(
          "function-vectors", model, answer: "first_token",
          """
          tasks: [loud, soft]
          development_sets: 3
          mean_sets: 24
          effect_sets: 3
          heads: 3
          """))
      let expected = try #require(try item(model)["heads"])
      func doubles(_ json: JSON?) -> [Double] { json?.arrayValue?.compactMap(\.doubleValue) ?? [] }
      func values(_ task: String, _ metric: String) -> [[String: String]] {
        tables.results.filter { $0["task"] == task && $0["metric"] == metric }
      }
      for (task, metric, effects) in [
        ("loud", "causal_indirect_effect", doubles(expected["effects"]?["loud"])),
        ("soft", "causal_indirect_effect", doubles(expected["effects"]?["soft"])),
        ("mean", "average_indirect_effect", doubles(expected["average"])),
      ] {
        let own = values(task, metric).map { Double($0["value"] ?? "") ?? .nan }
        let difference = Difference(own, effects)
        #expect(!effects.isEmpty && difference.largest < Tolerance.probe, "\(task): \(difference)")
      }
      for (metric, p) in zip(
        ["permutation_p", "permutation_p_corrected"], expected["p"]?.arrayValue ?? [])
      {
        #expect(values("mean", metric).map { Double($0["value"] ?? "") } == doubles(p), "\(metric)")
      }
      let heads = doubles(expected["average"]).count / 3
      #expect(
        values("mean", "head_rank").map {
          (Int($0["layer"] ?? "") ?? -1) * heads + (Int($0["head"] ?? "") ?? -1)
        } == expected["top"]?.arrayValue?.compactMap(\.intValue))
      let curves = (expected["curves"]?.arrayValue ?? []).map(Curve.init)
      let compared = curves.reduce(0) {
        $0 + compare($1, with: tables, bare: ["layer_average", "task_vector"])
      }
      // Two tasks, two kinds of prompts; examples are kept of the vectors themselves.
      #expect(compared == 4 * (21 + 5 + 5))
    }

    /// The mean θ of the test sets through both ends of the model.
    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func decodedVectorsAreTheReferences(_ model: String) throws {
      let space = try run("lens", model, "tasks: [loud]\ntop: 5\nheads: false")
      let tokens = rows(of: try space.text("out/tokens.csv")).filter {
        $0["condition"] == "task_vector_decoded"
      }
      let expected = (try item(model)["decoded"]?.arrayValue ?? []).compactMap(\.arrayValue)
      #expect(expected.count == 6 && tokens.count == 30)
      for row in expected {
        let end = row[0].boolValue == true ? "final" : "none"
        let own = tokens.filter {
          $0["norm"] == end && $0["layer"] == row[1].intValue.map { "\($0)" }
        }
        #expect(own.map { Int($0["token_id"] ?? "") } == row[2].arrayValue?.map(\.intValue))
        for (found, logit) in zip(own, row[3].arrayValue ?? []) {
          let (found, logit) = (Double(found["logit"] ?? "") ?? .nan, logit.doubleValue ?? .nan)
          #expect(abs(found - logit) <= Tolerance.probe * max(1, abs(logit)))
        }
        #expect(own.allSatisfy { $0["n"] == "4" })
      }
    }
  }
}
