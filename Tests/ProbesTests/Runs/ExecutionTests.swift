// Carrying out a run: stopped, killed and torn in every way, it gives the same bytes in the end.

import CheckpointIO
import Foundation
import Probes
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct ExecutionTests {
  private let temporary: TemporaryFolder

  init() throws { temporary = try TemporaryFolder() }

  private struct Stop: Error {}

  private func reference() throws -> (probe: ToyProbe, bytes: [String: [UInt8]]) {
    let probe = try ToyProbe(folder: "\(temporary.path)/reference")
    try probe.run(.start)
    return (probe, try probe.bytes())
  }

  @Test func tablesAreThePlansRows() throws {
    let (probe, bytes) = try reference()
    let results = try CSVReader.table(
      try #require(bytes["results.csv"]), .results, file: "results.csv"
    ).rows(as: ResultRow.self)
    #expect(results.dropLast().map(\.task) == probe.plan.cells.map(\.key))
    #expect(results.last?.task == nil && results.last?.estimate.count == 5)
    #expect(results.last?.estimate.interval != nil)
    let samples = try CSVReader.table(
      try #require(bytes["samples.csv"]), .samples, file: "samples.csv")
    #expect(
      try samples.rows(as: SampleRow.self) == probe.plan.cells.flatMap { probe.output($0).samples })
    #expect(samples.records.allSatisfy { $0["run_id"] == .text(probe.inputs.runID) })
    let layers = try CSVReader.table(
      try #require(bytes["layers.csv"]), ToyProbe.layers, file: "layers.csv")
    #expect(layers.rows.count == 10)
    #expect(
      try JSON(parsing: try #require(bytes["columns.json"]), file: "columns.json")
        == ColumnDictionary(probe.plan.tables).json)
  }

  @Test func vectorsCarryTheirMetadata() throws {
    let (probe, _) = try reference()
    let file = try SafetensorsFile(path: "\(probe.folder)/vectors.safetensors")
    #expect(file.names == [0, 1, 3, 4].map { "m/task \($0)/seed 41/1" })
    #expect(file.metadata["run_id"] == probe.inputs.runID)
    #expect(file.metadata["m/task 3/seed 41/1"] == #"{"layer":"1","task":"m/task 3/seed 41"}"#)
    let expected = probe.output(probe.plan.cells[3]).vectors[0].tensor
    #expect(try file.tensor(named: expected.name).withUnsafeBytes { Array($0) } == expected.bytes)
  }

  @Test func recordSaysAll() throws {
    let (probe, bytes) = try reference()
    let json = try JSON(contentsOf: "\(probe.folder)/run.json")
    #expect(json["run_id"]?.stringValue == probe.inputs.runID)
    #expect(json["probe"] == "toy" && json["version"] == "1.0.0" && json["precision"] == "f32")
    #expect(json["spec"] == ["probe": "toy", "shots": 5])
    #expect(json["files"]?.arrayValue?.first?["name"] == "capital.json")
    #expect(json["seeds"] == [41] && json["models"]?["m"]?["bos"] == "never")
    #expect(json["hooks"] == ["blocks.1.hook_resid_post": ["reads": 40, "edits": 20]])
    let dropped = try #require(json["dropped"]?.arrayValue)
    #expect(
      dropped.first
        == ["what": "pairs of capital", "count": 3, "why": "the answer is not one token"])
    #expect(dropped.count == 6 && dropped.last?["cell"] == "m/task 4/seed 41")
    #expect(json["cells"]?.arrayValue?.count == 5)
    #expect(json["cells"]?.arrayValue?.first?["facts"] == ["chosen_layer": 1])
    #expect(json["sessions"]?.arrayValue?.count == 1)
    #expect(json["sessions"]?.arrayValue?.first?["threads"] == 2)
    let began = try #require(json["sessions"]?.arrayValue?.first?["began"]?.stringValue)
    let date = try #require(try? Date(began, strategy: .iso8601))
    #expect(abs(date.timeIntervalSinceNow) < 3600)
    for output in try #require(json["outputs"]?.arrayValue) {
      let name = try #require(output["file"]?.stringValue)
      let file = try #require(bytes[name])
      #expect(output["bytes"]?.intValue == file.count)
      #expect(output["sha256"]?.stringValue == SHA256.digest(of: file))
    }
    #expect(json["outputs"]?.arrayValue?.first?["rows"] == 6)
  }

  @Test func stoppedAndResumedIsTheSame() throws {
    let (_, expected) = try reference()
    let probe = try ToyProbe(folder: "\(temporary.path)/stopped")
    // One cell a session; in the middle a cell that gives up by itself.
    for session in 0..<4 {
      var cells = 0
      let error = #expect(throws: RunError.self) {
        try probe.run(
          session == 0 ? .start : .resume,
          before: { _ in
            cells += 1
            if session == 2 && cells == 2 { throw CancellationError() }
          }, shouldStop: { session != 2 && cells == 1 })
      }
      #expect(
        error
          == .interrupted(folder: probe.folder, finished: session + 1, total: 5),
        "session \(session)")
      #expect(error?.exitStatus == 130)
      #expect(try Disk.names(probe.folder) == ["unfinished"])
    }
    #expect(try probe.run(.resume)?.resumed == 4)
    #expect(try probe.bytes() == expected)
    let record = try JSON(contentsOf: "\(probe.folder)/run.json")
    #expect(record["sessions"]?.arrayValue?.count == 5)
  }

  /// The whole point of the journal: whatever of it is left, the end is the same. JournalTests cuts at every
  /// byte and reads; here the run goes on from every 41st and from all about the ends of records.
  @Test func cutJournalsResumeToTheSameBytes() throws {
    let (_, expected) = try reference()
    let probe = try ToyProbe(folder: "\(temporary.path)/cut", cells: 5)
    var left = 3
    #expect(throws: Stop.self) {
      try probe.run(.start) { _ in
        if left == 0 { throw Stop() }
        left -= 1
      }
    }
    let kept = "\(temporary.path)/kept"
    try Disk.copy(probe.folder, to: kept)
    let journal = try Disk.bytes("\(kept)/unfinished/journal")
    let whole = try Journal("\(kept)/unfinished/journal")
    let ends = [17] + whole.records.map { $0.upperBound + 4 }
    let cuts = Set(
      stride(from: 0, to: journal.count, by: 41) + ends.flatMap { ($0 - 2)...($0 + 2) }
    ).filter { $0 <= journal.count }
    #expect(cuts.count > 80)
    var resumed = Set<Int>()
    for cut in cuts.sorted() {
      try Disk.copy(kept, to: probe.folder)
      try Disk.write(journal[..<cut], to: "\(probe.folder)/unfinished/journal")
      let outcome = try #require(try probe.run(.resume))
      resumed.insert(outcome.resumed)
      #expect(try probe.bytes() == expected, "cut at \(cut)")
    }
    #expect(resumed == [0, 1, 2, 3])
  }

  @Test func damageIsRefusedAndForceHelps() throws {
    let (_, expected) = try reference()
    let probe = try ToyProbe(folder: "\(temporary.path)/damaged")
    var left = 3
    #expect(throws: Stop.self) {
      try probe.run(.start) { _ in
        if left == 0 { throw Stop() }
        left -= 1
      }
    }
    let path = "\(probe.folder)/unfinished/journal"
    var journal = try Disk.bytes(path)
    journal[journal.count / 2] ^= 1
    try Disk.write(journal, to: path)
    let error = #expect(throws: RunError.self) { try probe.run(.resume) }
    #expect(error?.description.contains("is damaged, and whole ones follow") == true)
    #expect(error?.exitStatus == 65)
    try probe.run(.force)
    #expect(try probe.bytes() == expected)
  }

  @Test func lostAndDamagedVectorsAreComputedAgain() throws {
    let (_, expected) = try reference()
    let probe = try ToyProbe(folder: "\(temporary.path)/vectors")
    func leave(_ mode: RunFolder.Mode, at cell: Int) {
      #expect(throws: Stop.self) {
        try probe.run(mode) { if $0 == probe.plan.cells[cell] { throw Stop() } }
      }
    }
    leave(.start, at: 3)
    try FileManager.default.removeItem(atPath: "\(probe.folder)/unfinished/vectors/1.safetensors")
    #expect(try probe.run(.resume)?.resumed == 2)
    #expect(try probe.bytes() == expected)

    leave(.force, at: 4)
    let path = "\(probe.folder)/unfinished/vectors/1.safetensors"
    var bytes = try Disk.bytes(path)
    bytes[bytes.count - 1] ^= 1
    try Disk.write(bytes, to: path)
    #expect(try probe.run(.resume)?.resumed == 3)
    #expect(try probe.bytes() == expected)
  }

  @Test func anotherPlanIsRefused() throws {
    let folder = "\(temporary.path)/plan"
    #expect(throws: Stop.self) {
      try ToyProbe(folder: folder).run(.start) { if $0.key.contains("2") { throw Stop() } }
    }
    let error = #expect(throws: RunError.self) {
      try ToyProbe(folder: folder, cells: 6).run(.resume)
    }
    #expect(error?.description.contains("its cells are not those of this run") == true)
  }

  @Test func progressIsByCost() throws {
    let probe = try ToyProbe(folder: "\(temporary.path)/progress")
    #expect(throws: Stop.self) {
      try probe.run(.start) { if $0 == probe.plan.cells[2] { throw Stop() } }
    }
    var seen: [RunProgress] = []
    try probe.run(.resume, progress: { seen.append($0) })
    #expect(seen.map(\.finished) == [2, 3, 4, 5])
    #expect(seen.allSatisfy { $0.resumed == 2 && $0.total == 5 })
    // Costs 1 … 5 of 15.
    let shares: [Double] = [3, 6, 10, 15].map { $0 / 15 }
    #expect(seen.map(\.share) == shares)
    #expect(seen[0].remaining == nil && seen[3].remaining == 0)
    let (elapsed, remaining) = (seen[1].elapsed, try #require(seen[1].remaining))
    #expect(abs(remaining - elapsed * 9 / 3) < 1e-9)
  }

  /// `kill -9` in the middle of a cell, in a process of its own.
  @Test func killedIsResumable() async throws {
    let (_, expected) = try reference()
    let folder = "\(temporary.path)/killed"
    await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
      let probe = try ToyProbe(folder: folder)
      try probe.run(.start) { if $0 == probe.plan.cells[3] { kill(getpid(), SIGKILL) } }
    }
    let probe = try ToyProbe(folder: folder)
    let outcome = try #require(try probe.run(.resume))
    #expect(outcome.resumed == 3 && outcome.computed == 2)
    #expect(try probe.bytes() == expected)
  }

  /// A limit on the size of files stands in for a full disk.
  @Test func aFullDiskIsAClearSentence() async throws {
    let (_, expected) = try reference()
    let folder = "\(temporary.path)/full"
    await #expect(processExitsWith: .exitCode(74)) { [folder = folder as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 3500, rlim_max: 3500)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      do {
        try ToyProbe(folder: folder).run(.start)
      } catch let error as RunError {
        let isClear = error.description.contains("journal: a finished cell cannot be written: ")
        exit(isClear ? error.exitStatus : 1)
      }
    }
    #expect(try Disk.names(folder) == ["unfinished"])
    let probe = try ToyProbe(folder: folder)
    let outcome = try #require(try probe.run(.resume))
    #expect(outcome.resumed > 0 && outcome.computed > 0)
    #expect(try probe.bytes() == expected)
  }

  @Test func rowsThatWouldBeLostStopTheProgram() async {
    let folder = "\(temporary.path)/lost"
    await #expect(processExitsWith: .failure) { [folder = folder as String] in
      let probe = try ToyProbe(folder: folder)
      let plan = RunPlan(cells: probe.plan.cells, tables: [.results])
      guard case .ready(let run) = try probe.open(.start) else { return }
      _ = try run.execute(plan) { probe.output($0) }
    }
  }
}
