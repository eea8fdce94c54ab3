// When a run may begin, continue, or is already there.

import CheckpointIO
import Foundation
import Probes
import Testing

@Suite struct RunFolderTests {
  private let temporary: TemporaryFolder
  private let out: String

  init() throws {
    temporary = try TemporaryFolder()
    out = "\(temporary.path)/some/run"
  }

  private struct Stop: Error {}

  /// Leaves a run unfinished after `cells` cells.
  private func leaveUnfinished(_ probe: ToyProbe, after cells: Int = 2) {
    var left = cells
    #expect(throws: Stop.self) {
      try probe.run(.start) { _ in
        if left == 0 { throw Stop() }
        left -= 1
      }
    }
  }

  private func refusal(_ probe: ToyProbe, _ mode: RunFolder.Mode, version: String = "1.0.0")
    -> String
  {
    do {
      _ = try probe.open(mode, version: version)
      return "no error"
    } catch let error as RunError {
      return "\(error.exitStatus) " + error.description.replacing(out, with: "OUT")
    } catch {
      return "another error: \(error)"
    }
  }

  @Test func absentAndEmptyStart() throws {
    let probe = try ToyProbe(folder: out)
    let outcome = try #require(try probe.run(.start))
    #expect(outcome.computed == 5 && outcome.resumed == 0 && outcome.runID == probe.inputs.runID)
    #expect(
      outcome.files == [
        "results.csv", "samples.csv", "layers.csv", "columns.json", "vectors.safetensors",
        "run.json",
      ])
    #expect(try Disk.names(out) == ToyProbe.finals)

    let empty = "\(temporary.path)/empty"
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
    try temporary.write("", to: "empty/.hidden")
    #expect(try ToyProbe(folder: empty).run(.resume) != nil)
    #expect(try ToyProbe(folder: empty).bytes() == probe.bytes())
  }

  @Test func finishedIsSaid() throws {
    let probe = try ToyProbe(folder: out)
    try probe.run(.start)
    let before = try Disk.bytes("\(out)/run.json")
    for mode in [RunFolder.Mode.start, .resume] {
      guard case .alreadyFinished(let path) = try ToyProbe(folder: out + "/").open(mode) else {
        Issue.record("a finished run began again")
        return
      }
      #expect(path == out)
    }
    #expect(try Disk.bytes("\(out)/run.json") == before)
    #expect(try Disk.names(out) == ToyProbe.finals, "nothing was added")
    #expect(
      refusal(try ToyProbe(folder: out, shots: 8), .start)
        == "64 OUT: the folder holds a finished run of other inputs: shots was 5, is 8; "
        + "choose another --out, or --force to start anew")
    // A later version does not compute a finished run again.
    #expect(refusal(probe, .start, version: "2.0.0") == "no error")
  }

  @Test func finishedButDamagedIsRefused() throws {
    let probe = try ToyProbe(folder: out)
    try probe.run(.start)
    try Disk.write([1], to: "\(out)/samples.csv")
    #expect(refusal(probe, .resume).contains("its samples.csv is not as it was written"))
    try Disk.write(Array("{".utf8), to: "\(out)/run.json")
    #expect(refusal(probe, .resume).contains("its run.json is not one that a run wrote"))
    #expect(try probe.run(.force) != nil)
    #expect(refusal(probe, .resume) == "no error")
  }

  @Test func unfinishedNeedsAWord() throws {
    let probe = try ToyProbe(folder: out)
    leaveUnfinished(probe)
    #expect(try Disk.names(out) == ["unfinished"])
    #expect(
      refusal(probe, .start)
        == "64 OUT: the run in this folder is unfinished; --resume continues it, --force starts anew"
    )
    #expect(
      refusal(try ToyProbe(folder: out, shots: 8, data: "[1]"), .resume)
        == "64 OUT: the folder holds an unfinished run of other inputs: shots was 5, is 8, "
        + "data capital.json has other contents; choose another --out, or --force to start anew")
    #expect(
      refusal(probe, .resume, version: "1.0.1").contains(
        "it was begun by version 1.0.0, this is 1.0.1"))
    let outcome = try #require(try probe.run(.resume))
    #expect(outcome.computed == 3 && outcome.resumed == 2)
  }

  @Test func forceStartsAnewAndLeavesStrangersAlone() throws {
    let probe = try ToyProbe(folder: out)
    leaveUnfinished(probe)
    let other = try ToyProbe(folder: out, shots: 8)
    #expect(try other.run(.force)?.resumed == 0)
    try temporary.write("mine", to: "some/run/notes.txt")
    leaveForced(probe)
    #expect(try Disk.names(out) == ["notes.txt", "unfinished"], "the other run's files are gone")
    #expect(try probe.run(.resume)?.resumed == 1)
    #expect(try Disk.text("\(out)/notes.txt") == "mine")
  }

  private func leaveForced(_ probe: ToyProbe) {
    var left = 1
    #expect(throws: Stop.self) {
      try probe.run(.force) { _ in
        if left == 0 { throw Stop() }
        left -= 1
      }
    }
  }

  @Test func strangersAreRefused() throws {
    try temporary.write("mine", to: "some/run/results.csv")
    let probe = try ToyProbe(folder: out)
    #expect(
      refusal(probe, .start)
        == "64 OUT: the folder holds 'results.csv', which is of no run; choose another --out")
    #expect(try Disk.names(out) == ["results.csv"])
    #expect(refusal(try ToyProbe(folder: out + "/results.csv"), .start).hasPrefix("74 "))
    #expect(
      refusal(try ToyProbe(folder: "/proc/no/such"), .start).contains(
        "74 /proc/no: the folder cannot be made:"))
  }

  @Test func twoAtOnceAreRefused() throws {
    let probe = try ToyProbe(folder: out)
    guard case .ready(let first) = try probe.open(.start) else {
      Issue.record("the run did not begin")
      return
    }
    #expect(first.isLocked)
    for mode in [RunFolder.Mode.start, .resume, .force] {
      #expect(
        refusal(probe, mode)
          == "74 OUT: another process is working in this folder; wait for it or choose another --out"
      )
    }
    #expect(try first.execute(probe.plan) { probe.output($0) }.computed == 5)
    #expect(refusal(probe, .start) == "no error")
  }

  /// Killed after run.json has its name and before the rest was tidied up: it is finished.
  @Test func leftoversOfAFinishedRunAreTidiedUp() throws {
    let probe = try ToyProbe(folder: out)
    leaveUnfinished(probe)
    try Disk.copy(out + "/unfinished", to: temporary.path + "/kept")
    try probe.run(.resume)
    try Disk.copy(temporary.path + "/kept", to: out + "/unfinished")
    try temporary.write("half", to: "some/run/.results.csv.77-abc.partial")
    guard case .alreadyFinished = try probe.open(.start) else {
      Issue.record("a finished run began again")
      return
    }
    #expect(try Disk.names(out) == ToyProbe.finals)
  }

  /// Killed before inputs.json was there.
  @Test func aFolderWithoutInputsStarts() throws {
    try temporary.write("", to: "some/run/unfinished/lock")
    #expect(try ToyProbe(folder: out).run(.start)?.computed == 5)
  }

  @Test func anInputThatChangesIsNoticed() throws {
    try temporary.write("one", to: "task.json")
    let base = try ToyProbe(folder: out)
    let inputs = try RunInputs(
      probe: "toy", spec: base.inputs.spec,
      files: [InputFile(.data, named: "task.json", at: "\(temporary.path)/task.json")],
      precision: "f32")
    guard
      case .ready(let folder) = try RunFolder.open(
        out, inputs: inputs, environment: ToyProbe.environment, mode: .start)
    else {
      Issue.record("the run did not begin")
      return
    }
    let error = #expect(throws: RunError.self) {
      _ = try folder.execute(base.plan) { cell in
        if cell == base.plan.cells[3] { try temporary.write("two!", to: "task.json") }
        return base.output(cell)
      }
    }
    #expect(error?.exitStatus == 65)
    #expect(
      error?.description.contains("task.json: the file was changed while the run used it") == true)
    #expect(try Disk.names(out) == ["unfinished"], "nothing appeared under a final name")
  }
}
