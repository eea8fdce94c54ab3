// A run's id: the exact text that is hashed, what changes it and what does not.

import CheckpointIO
import Foundation
import Probes
import Testing

@Suite struct RunInputsTests {
  private func resolved(_ json: JSONObject) throws -> ResolvedSpec {
    try SpecTree(.object(json), file: "p").decode(small: false) { reader in
      (
        try reader.paths("models", default: ["data/models/m"]),
        try reader.double("scale", default: 1, in: 0...10)
      )
    }.resolved
  }

  private func inputs(
    _ json: JSONObject = ["probe": "toy"], data: String = "[]", precision: String = "f32"
  ) throws -> RunInputs {
    try RunInputs(
      probe: "toy", spec: try resolved(json),
      files: [
        InputFile(.data, named: "capital.json", contents: data.utf8),
        InputFile(.checkpoint, named: "m/model.safetensors", contents: "weights".utf8),
      ], precision: precision)
  }

  @Test func textAndIdAreFixed() throws {
    let inputs = try inputs()
    #expect(
      inputs.canonicalText
        == #"{"files":[{"name":"m/model.safetensors","role":"checkpoint","sha256":"#
        + #""9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"},"#
        + #"{"name":"capital.json","role":"data","sha256":"#
        + #""4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"}],"#
        + #""precision":"f32","probe":"toy","spec":{"models":["m"],"probe":"toy","scale":1.0}}"#)
    // printf '%s' TEXT | sha256sum | cut -c1-16
    #expect(inputs.runID == "87a97a647a0141c9")
    #expect(RunFolder.defaultPath(for: inputs) == "runs/toy-\(inputs.runID)")
    #expect(inputs.identity == RunIdentity(runID: inputs.runID, probe: "toy"))
  }

  @Test func whatDoesNotMatter() throws {
    let id = try inputs().runID
    #expect(try inputs(["scale": 1, "probe": "toy"]).runID == id)
    #expect(try inputs(["probe": "toy", "models": ["/elsewhere/m/"]]).runID == id)
    #expect(try inputs(["probe": "toy", "small": ["scale": 2]]).runID == id)
  }

  @Test func whatMatters() throws {
    let base = try inputs()
    for (other, difference) in [
      (try inputs(["probe": "toy", "scale": 2]), "scale was 1.0, is 2.0"),
      (try inputs(["probe": "toy", "models": ["n"]]), #"models was ["m"], is ["n"]"#),
      (try inputs(data: "[ ]"), "data capital.json has other contents"),
      (try inputs(precision: "bf16"), #"precision was "f32", is "bf16""#),
    ] {
      #expect(other.runID != base.runID)
      #expect(other.differences(from: base.json) == [difference])
    }
    #expect(base.differences(from: base.json) == [])
    let fewer = try RunInputs(
      probe: "toy", spec: base.spec, files: [base.files[0]], precision: "f32")
    #expect(
      fewer.differences(from: base.json) == ["data capital.json is no longer among the files"])
    #expect(base.differences(from: fewer.json) == ["data capital.json was not among the files"])
  }

  @Test func filesAreTakenOnceAndByContents() throws {
    let folder = try TemporaryFolder()
    try folder.write("same", to: "a/x.json")
    try folder.write("same", to: "b/x.json")
    try folder.write("other", to: "c/x.json")
    func file(_ place: String) throws -> InputFile {
      try InputFile(.data, named: "x.json", at: "\(folder.path)/\(place)/x.json")
    }
    let spec = try resolved(["probe": "toy"])
    let one = try RunInputs(probe: "toy", spec: spec, files: [file("a")], precision: "f32")
    let two = try RunInputs(
      probe: "toy", spec: spec, files: [file("b"), file("a")], precision: "f32")
    #expect(one == two && one.runID == two.runID && two.files.count == 1)
    #expect(
      throws: RunError.invalidInput(
        subject: "x.json",
        fact: "two different data files have this name; rename one of their folders")
    ) {
      _ = try RunInputs(
        probe: "toy", spec: spec, files: [file("a"), file("c")], precision: "f32")
    }
    #expect(throws: CheckpointError.self) { _ = try file("d") }
  }
}
