// A stage that several cells share is computed once a run, also where the run is stopped between them.

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
