// Probe files, training specs, and what lies in a run's folder.

import CheckpointIO
import Foundation
import Probes
import TensorCore
import TestSupport

extension FuzzTarget {
  static let yaml = FuzzTarget(
    "yaml", longest: 2048,
    seeds: {
      try probeFiles().filter { $0.count <= 2048 } + [
        Array("a: &x [1, 2]\nb: *x\nc: {d: *x, <<: {e: 1}}\n? f\n: |\n  text\n".utf8),
        Array("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n".utf8),
        Array("- 0x1F\n- 0o17\n- .inf\n- 1_000\n- 12:30:45\n- !!str 3\n- 'it''s'\n".utf8),
      ]
    },
    prepare: { sandbox in
      { bytes in
        let path = try sandbox.write(bytes, to: "x.yaml")
        guard let json = try taken({ try readYAML(path) }) else { return }
        let text = json.serialized(pretty: false)
        try require(
          try JSON(parsing: text.utf8, file: "again") == json, "not a tree of JSON: \(text)")
      }
    })

  static let probe = FuzzTarget(
    "probe", longest: 3000,
    seeds: { try probeFiles() + probeFiles().map(onSmallModels) },
    prepare: { sandbox in
      try fillProbeFolder(sandbox)
      let context = ComputeContext(threads: 1)
      return { bytes in
        let path = try sandbox.write(bytes, to: "probe.yaml")
        guard let tree = try taken({ try SpecTree(readYAML(path), file: path) }) else { return }
        for small in [false, true] {
          guard
            let prepared = try taken({
              try ProbeRegistry.prepare(tree.within(sandbox), small: small, on: context)
            })
          else { continue }
          try require(!prepared.plan.cells.isEmpty, "a plan without cells")
          _ = RunFolder.defaultPath(for: prepared.inputs)
        }
      }
    })

  static let training = FuzzTarget(
    "training", longest: 2048,
    seeds: {
      try ["linear", "softmax", "linear-plain"].map {
        try FileReading.readFile(packagePath("data/models/\($0)/train.yaml"))
      }
    },
    prepare: { sandbox in
      { bytes in
        let path = try sandbox.write(bytes, to: "train.yaml")
        _ = try taken {
          var reader = try ConfigReader(json: readYAML(path), file: path)
          return try TrainingSpec(reading: &reader)
        }
      }
    })

  static let journal = FuzzTarget(
    "journal", longest: 4096,
    seeds: {
      try withToyRun { run in
        [try FileReading.readFile("\(run.path)/unfinished/journal")]
      }
    },
    prepare: { sandbox in
      let run = try ToyRun(sandbox.makeFolder("run"))
      try run.stop(after: 2)
      let inputs = try FileReading.readFile("\(run.path)/unfinished/inputs.json")
      return { bytes in
        try sandbox.write(inputs, to: "run/unfinished/inputs.json")
        try sandbox.write(bytes, to: "run/unfinished/journal")
        try run.resume()
      }
    })

  /// The contents of records, each behind a zero byte, framed as the journal frames them.
  static let journalRecords = FuzzTarget(
    "journal-records", longest: 4096,
    seeds: {
      try withToyRun { run in
        let journal = try Journal("\(run.path)/unfinished/journal")
        return [
          try journal.records.indices.reduce(into: [UInt8]()) { bytes, record in
            let contents = try journal.contents(of: record)
            bytes += [UInt8(contents.count >> 8), UInt8(contents.count & 0xFF)] + contents
          }
        ]
      }
    },
    prepare: { sandbox in
      let run = try ToyRun(sandbox.makeFolder("run"))
      try run.stop(after: 2)
      let inputs = try FileReading.readFile("\(run.path)/unfinished/inputs.json")
      return { bytes in
        try sandbox.write(inputs, to: "run/unfinished/inputs.json")
        let path = "\(sandbox.path)/run/unfinished/journal"
        unlink(path)
        let journal = try Journal(path)
        var rest = bytes[...]
        while rest.count >= 2 {
          let count = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
          try journal.append(Array(rest.prefix(count)))
          rest = rest.dropFirst(count)
        }
        try run.resume()
      }
    })

  private static func withToyRun<Result>(_ body: (ToyRun) throws -> Result) throws -> Result {
    let sandbox = try Sandbox()
    defer { sandbox.remove() }
    let run = try ToyRun(sandbox.makeFolder("run"))
    try run.stop(after: 2)
    return try body(run)
  }

  private static func packagePath(_ path: String) -> String { fixture("../../\(path)") }

  private static func probeFiles() throws -> [[UInt8]] {
    try FileManager.default.contentsOfDirectory(atPath: packagePath("probes")).sorted()
      .filter { $0.hasSuffix(".yaml") }
      .map { try FileReading.readFile(packagePath("probes/\($0)")) }
  }

  /// A probe file with the sandbox's model and tasks, so that reading goes on behind the spec.
  private static func onSmallModels(_ bytes: [UInt8]) -> [UInt8] {
    let lines = String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    var kept: [Substring] = []
    var isDropping = false
    for line in lines {
      if isDropping, line.hasPrefix(" ") || line.hasPrefix("-") { continue }
      isDropping = ["models:", "tasks:", "tasks_folder:"].contains { line.hasPrefix($0) }
      if !isDropping { kept.append(line) }
    }
    return Array(
      (kept.joined(separator: "\n") + "\nmodels: [m]\ntasks: [up, down]\ntasks_folder: t\n").utf8)
  }

  private static func fillProbeFolder(_ sandbox: Sandbox) throws {
    _ = try sandbox.makeFolder("m")
    _ = try sandbox.makeFolder("t/c")
    for file in ["config.json", "model.safetensors"] {
      try sandbox.copy(fixture("families/gpt2-tiny/\(file)"), to: "m/\(file)")
    }
    let words = ["one", "two", "three", "four", "five", "six", "red", "blue", "green", "pink"]
    let pieces = ["<unk>", "->", "\n"] + words + words.map { $0.uppercased() }
    let tokenizer: JSON = [
      "version": "1.0", "added_tokens": [], "normalizer": .null,
      "pre_tokenizer": ["type": "WhitespaceSplit"], "post_processor": .null, "decoder": .null,
      "model": [
        "type": "WordLevel", "unk_token": "<unk>",
        "vocab": .object(JSONObject(pieces.enumerated().map { ($1, .integer($0)) })),
      ],
    ]
    try sandbox.write(Array(tokenizer.serialized(pretty: false).utf8), to: "m/tokenizer.json")
    for (name, inputs) in [("up", words), ("down", words.map { $0.uppercased() })] {
      let pairs = inputs.map { word -> JSON in
        [
          "input": .string(word),
          "output": .string(name == "up" ? word.uppercased() : word.lowercased()),
        ]
      }
      let task: JSON = [
        "name": .string(name), "category": "c", "source": "made here", "pairs": .array(pairs),
      ]
      try sandbox.write(Array(task.serialized(pretty: false).utf8), to: "t/c/\(name).json")
    }
  }
}

extension SpecTree {
  /// The same with `m` and `t` meant below the sandbox.
  fileprivate func within(_ sandbox: Sandbox) throws -> SpecTree {
    var tree = self
    try tree.set("models", to: .array([.string("\(sandbox.path)/m")]))
    try tree.set("tasks_folder", to: .string("\(sandbox.path)/t"))
    return tree
  }
}

/// A run of three cells whose rows follow from their keys.
private struct ToyRun {
  struct Stopped: Error {}

  let path: String
  private let inputs: RunInputs
  private let plan: RunPlan

  init(_ path: String) throws {
    self.path = path
    let resolved = try SpecTree(["probe": "toy"], file: "toy.yaml").decode(small: false) { _ in }
    inputs = try RunInputs(
      probe: "toy", spec: resolved.resolved,
      files: [InputFile(.data, named: "d", contents: [1])], precision: "f32")
    plan = RunPlan(cells: (0..<3).map { Cell(key: "cell \($0)") }, tables: [.results, .tokens])
  }

  private func open(_ mode: RunFolder.Mode) throws -> RunFolder? {
    let environment = RunEnvironment(
      version: "1", cpu: "a", instructionSet: "b", threads: 1, system: "c")
    guard
      case .ready(let folder) = try RunFolder.open(
        path, inputs: inputs, environment: environment, mode: mode)
    else { return nil }
    return folder
  }

  private func output(_ cell: Cell) -> CellOutput {
    var output = CellOutput()
    output.tokens = [
      TokenRow(
        model: "m", task: cell.key, hook: "h", layer: 1, rank: 0, tokenID: 3, token: "\"a\",",
        logit: 0.5, probability: 0.25)
    ]
    output.notes.add("h", reads: 1, edits: 2)
    output.notes.dropped = [Dropped("pairs", count: 1, why: "so")]
    return output
  }

  func stop(after count: Int) throws {
    guard let folder = try open(.force) else { throw Finding("the run is finished") }
    do {
      _ = try folder.execute(plan) { cell in
        if cell == plan.cells[count] { throw Stopped() }
        return output(cell)
      }
    } catch is Stopped {}
  }

  /// Goes on from what lies there: refused, or all tables there and readable.
  func resume() throws {
    for name in ["run.json", "columns.json", "results.csv", "tokens.csv"] {
      unlink("\(path)/\(name)")
    }
    guard
      let outcome = try taken({ () -> RunOutcome? in
        guard let folder = try open(.resume) else { throw Finding("it is finished already") }
        return try folder.execute(plan, work: output)
      }), let outcome
    else { return }
    try require(
      outcome.files == ["results.csv", "tokens.csv", "columns.json", "run.json"],
      "the files are \(outcome.files)")
    _ = try JSON(contentsOf: "\(path)/run.json")
    _ = try FileManager.default.createDirectory(
      atPath: "\(path)/unfinished", withIntermediateDirectories: true)
  }
}

/// A YAML file as the command reads it.
package func yamlTree(_ path: String) throws -> JSON { try readYAML(path) }
