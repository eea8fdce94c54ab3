// A training that a library begins from a spec of its own: what the command's reader would refuse is refused here too.

import CheckpointIO
import ICLTasks
import Probes
import TensorCore
import Testing

@Suite struct TrainingRunTests {
  private static let tasks = [
    ICLTask(
      name: "upper", category: "made", source: "this test",
      pairs: ["a", "b", "c", "d", "e", "f", "g", "h"].map { .init(input: $0, output: $0 + "!") })
  ]

  private func begin(holdout: Double, in folder: String) throws -> TrainingRun {
    var reader = try ConfigReader(
      json: ["name": "tiny", "seed": 3, "steps": 2, "model": ["attention": "softmax"]],
      file: "spec.yaml")
    var spec = try TrainingSpec(reading: &reader)
    spec.model.layers = 1
    spec.holdout = holdout
    return try TrainingRun(
      spec, tasks: Self.tasks, inputs: "", folder: folder, context: ComputeContext(threads: 1))
  }

  @Test func holdouts() throws {
    let folder = try TemporaryFolder()
    for share in [1, 1.5, -0.1, .infinity] {
      #expect(throws: TrainingError.invalidHoldout(share)) {
        _ = try begin(holdout: share, in: folder.path)
      }
    }
    let error = #expect(throws: TrainingError.self) {
      _ = try begin(holdout: .nan, in: folder.path)
    }
    #expect(error?.description.contains("below 1") == true)
    // Below 1 it is a matter of the pairs, which may all be held out by chance.
    for share in [0, 0.5] { _ = try begin(holdout: share, in: folder.path) }
    #expect(throws: TaskError.self) { _ = try begin(holdout: 0.999_999, in: folder.path) }
  }
}
