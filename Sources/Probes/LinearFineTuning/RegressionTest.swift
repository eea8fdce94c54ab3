// RegressionTest: test errors by number of demonstrations, by drawing prompts. All models see the same prompts, and a
// prompt's first n demonstrations make its n-shot prompt.

import TensorCore

/// Squared errors of some models over fresh prompts.
package struct RegressionTest {
  package let setting: RegressionSetting
  package let prompts: Int
  package let shots: Int
  package let context: ComputeContext

  package init(setting: RegressionSetting, prompts: Int, shots: Int, context: ComputeContext) {
    self.setting = setting
    self.prompts = prompts
    self.shots = shots
    self.context = context
  }

  /// Blocks of prompts whose means the bootstrap resamples.
  package static let blocks = 100

  /// The mean squared error of each block, `[model][shots][block]`; blocks differ by one prompt in size at most.
  package func errors(_ models: [MomentModel], source: RegressionSource, key: String, seed: Int)
    -> [[[Double]]]
  {
    let blocks = Self.blocks
    let table = NormalTable()
    var found = Array(
      repeating: Array(repeating: 0.0, count: models.count * (shots + 1)), count: blocks)
    found.withUnsafeMutableBufferPointer { all in
      nonisolated(unsafe) let all = all
      context.parallel(blocks) { block in
        var generator = SeededGenerator(key: "\(key)/\(block)", seed: UInt64(seed))
        let range = prompts * block / blocks..<prompts * (block + 1) / blocks
        all[block] = errors(models, source, range, table, &generator)
      }
    }
    return models.indices.map { model in
      (0...shots).map { shot in found.map { $0[model * (shots + 1) + shot] } }
    }
  }

  private func errors(
    _ models: [MomentModel], _ source: RegressionSource, _ range: Range<Int>, _ table: NormalTable,
    _ generator: inout SeededGenerator
  ) -> [Double] {
    let group = RegressionPrompts(setting, shots: shots)
    let scratch = UnsafeMutablePointer<Lanes>.allocate(capacity: setting.width)
    scratch.initialize(repeating: Lanes(), count: setting.width)
    defer { scratch.deallocate() }
    var sums = Array(repeating: Lanes(), count: models.count * (shots + 1))
    for first in stride(from: range.lowerBound, to: range.upperBound, by: RegressionPrompts.lanes) {
      group.draw(source, first: first, table: table, &generator)
      group.clearMoments()
      var counts = Lanes()
      for lane in 0..<min(RegressionPrompts.lanes, range.upperBound - first) { counts[lane] = 1 }
      for shot in 0...shots {
        if shot > 0 { group.addDemonstration(shot - 1) }
        group.closeMoments(demonstrations: shot)
        for (index, model) in models.enumerated() {
          let error = model.predictions(group, scratch: scratch) - group.targets
          sums[index * (shots + 1) + shot] += counts * error * error
        }
      }
    }
    return sums.map { lanes in
      lanes.indices.reduce(0) { $0 + lanes[$1] } / Double(range.count)
    }
  }
}
