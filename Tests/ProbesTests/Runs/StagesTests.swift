// A stage that several cells share is computed once a run, also where the run is stopped between them; and once among shards
// that see one folder.

import CheckpointIO
import Probes
import Testing

@Suite struct StagesTests {
  private let temporary: TemporaryFolder

  init() throws { temporary = try TemporaryFolder() }

  private struct Stop: Error {}

  /// Runs the toy probe, every cell of which needs the stage; stops before a cell.
  private func run(
    _ probe: ToyProbe, _ mode: RunFolder.Mode, stopAt stop: Int? = nil, computed: inout Int
  ) throws {
    guard case .ready(let folder) = try probe.open(mode) else { return }
    let stages = Stages()
    var cells = 0
    _ = try folder.execute(probe.plan, stages: stages, conclude: probe.conclusion) { cell in
      let stage = try stages.result("heads") {
        computed += 1
        return ["effects": [0.1, .number(1 / 3.0), 1e-300]]
      }
      #expect(stage["effects"] == [0.1, .number(1 / 3.0), 1e-300])
      if cells == stop { throw Stop() }
      cells += 1
      return probe.output(cell)
    }
  }

  @Test func journalKeepsStages() throws {
    let whole = try ToyProbe(folder: "\(temporary.path)/whole")
    var computed = 0
    try run(whole, .start, computed: &computed)
    #expect(computed == 1)
    // Stopped before any cell is finished, and after two: the stage is there already.
    let probe = try ToyProbe(folder: "\(temporary.path)/stopped")
    computed = 0
    #expect(throws: Stop.self) { try run(probe, .start, stopAt: 0, computed: &computed) }
    #expect(throws: Stop.self) { try run(probe, .resume, stopAt: 2, computed: &computed) }
    try run(probe, .resume, computed: &computed)
    #expect(computed == 1)
    #expect(try probe.bytes() == whole.bytes())
  }

  /// Two shards: the second finds what the first computed, begins elsewhere, and believes only what a shard wrote.
  @Test func shardsShareStages() throws {
    let folder = "\(temporary.path)/shared"
    func results(_ shard: Int, version: String = "1") throws -> (order: [Int], all: [JSON]) {
      let probe = try ToyProbe(folder: "\(temporary.path)/\(shard) of \(version)")
      guard case .ready(let run) = try probe.open(.start) else { return ([], []) }
      let stages = Stages()
      try stages.share(in: folder, of: probe.inputs, version: version, shard: Shard(shard, of: 2))
      var (order, all) = ([Int](), [JSON]())
      _ = try run.execute(probe.plan, stages: stages, conclude: probe.conclusion) { cell in
        all = try stages.results(["m/a", "m/b", "m/c", "m/d"]) { place in
          order.append(place)
          return ["effect": .number(1 / Double(place + 3))]
        }
        return probe.output(cell)
      }
      return (order, all)
    }
    let first = try results(1)
    #expect(first.order == [2, 3, 0, 1])
    let second = try results(0)
    #expect(second.order == [] && second.all == first.all)
    #expect(second.all[3]["effect"] == .number(1 / 6.0))
    // Another version's are its own.
    #expect(try results(0, version: "2").order == [0, 1, 2, 3])
    let files = try FileReading.names(in: folder)
    #expect(files.count == 8)
    for file in files {
      let text = try FileReading.readText("\(folder)/\(file)", limit: 10_000)
      try AtomicFile.write(
        text.replacing("0.333", with: "0.332").replacing("0.2", with: "0.3"),
        to: "\(folder)/\(file)")
    }
    #expect {
      try results(1, version: "2")
    } throws: { error in
      (error as? RunError).map { "\($0)".contains("remove it") } ?? false
    }
  }

  /// Nothing is kept where nobody would find it again.
  @Test func withoutAJournalNothingIsKept() throws {
    let stages = Stages()
    var computed = 0
    for _ in 0..<2 {
      _ = try stages.result("heads") {
        computed += 1
        return 1
      }
    }
    #expect(computed == 2)
  }
}
