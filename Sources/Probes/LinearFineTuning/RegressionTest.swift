// RegressionTest: test errors by number of demonstrations, by drawing prompts. All models see the same prompts where
// their key is the same, and a prompt's first n demonstrations make its n-shot prompt.

import TensorCore

/// Squared errors of a model over fresh prompts.
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

  /// The mean squared error of each block, `[shots][block]`; blocks differ by one prompt in size at most.
  package func errors(_ model: RegressionModel, source: RegressionSource, key: String, seed: Int)
    -> [[Double]]
  {
    let blocks = Self.blocks
    let table = NormalTable()
    var found = Array(repeating: Array(repeating: 0.0, count: shots + 1), count: blocks)
    found.withUnsafeMutableBufferPointer { all in
      nonisolated(unsafe) let all = all
      context.parallel(blocks) { block in
        var generator = SeededGenerator(key: "\(key)/\(block)", seed: UInt64(seed))
        let range = prompts * block / blocks..<prompts * (block + 1) / blocks
        all[block] = errors(model, source, range, table, &generator)
      }
    }
    return (0...shots).map { shot in found.map { $0[shot] } }
  }

  private func errors(
    _ model: RegressionModel, _ source: RegressionSource, _ range: Range<Int>,
    _ table: NormalTable, _ generator: inout SeededGenerator
  ) -> [Double] {
    let group = RegressionPrompts(setting, shots: shots)
    let run = model.run(on: group)
    var sums = Array(repeating: Lanes(), count: shots + 1)
    for first in stride(from: range.lowerBound, to: range.upperBound, by: RegressionPrompts.lanes) {
      group.draw(source, first: first, table: table, &generator)
      group.clearMoments()
      var counts = Lanes()
      for lane in 0..<min(RegressionPrompts.lanes, range.upperBound - first) { counts[lane] = 1 }
      for shot in 0...shots {
        if shot > 0 { group.addDemonstration(shot - 1) }
        let error = run(shot) - group.targets
        sums[shot] += counts * error * error
      }
    }
    return sums.map { lanes in
      lanes.indices.reduce(0) { $0 + lanes[$1] } / Double(range.count)
    }
  }
}

/// A model of in-context regression: the theory's, from second moments, or any stack.
package enum RegressionModel: Sendable {
  case moment(MomentModel)
  case stack(LinearStack)

  /// ŷ of a group's prompts with its first demonstrations, which have been added to its moments.
  fileprivate func run(on group: RegressionPrompts) -> (Int) -> Lanes {
    switch self {
    case .moment(let model):
      let scratch = StackSlope(width: model.width)
      return { shots in
        group.closeMoments(demonstrations: shots)
        return model.predictions(group, scratch: scratch.base)
      }
    case .stack(let stack):
      let pass = StackPass(stack.shape, tokens: group.shots + 1)
      return { shots in
        pass.load(group, demonstrations: shots)
        pass.forward(stack, tokens: shots + 1)
        return pass.output[stack.shape.width - 1]
      }
    }
  }
}

extension StackPass {
  /// Takes a group's first demonstrations and its queries as input.
  package func load(_ group: RegressionPrompts, demonstrations: Int) {
    input.update(from: group.tokens, count: demonstrations * shape.width)
    (input + demonstrations * shape.width).update(from: group.query, count: shape.width)
  }
}
