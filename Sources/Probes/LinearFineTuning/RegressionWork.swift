// RegressionWork: the multiplications and additions of prompts' moments, predictions and gradients. D token width.

import TensorCore

enum RegressionWork {
  /// A step of training: every prompt of the batch drawn, and every variant's gradients.
  static func step(_ spec: LinearFineTuningSpec, _ variants: [RegressionVariant], fewShot: [Double])
    -> Int
  {
    let width = spec.setting.width
    var each = drawing(width: width, tokens: spec.shots + 1)
    if fewShot.contains(where: { $0 != 0 }) {
      each += spec.shots * demonstration(width: width) + closing(width: width)
    }
    for (variant, weight) in zip(variants, fewShot) {
      let trained = (variant.trainsQueryKey ? 1 : 0) + (variant.trainsValue ? 1 : 0)
      each += 2 * width * width  // keys
      if variant.zeroShot != 0 {
        each += 4 * width + (variant.trainsQueryKey ? 2 * width * width : 2 * width)
      }
      if weight != 0 { each += (2 + 2 * trained) * width * width }
    }
    return each * spec.batch
  }

  /// A test of some models at every number of demonstrations.
  static func test(width: Int, models: Int, shots: Int, prompts: Int) -> Int {
    let each = closing(width: width) + models * 4 * width * width
    return prompts
      * (drawing(width: width, tokens: shots + 1) + shots * demonstration(width: width)
        + (shots + 1) * each)
  }

  private static func drawing(width: Int, tokens: Int) -> Int { 3 * (width - 2) * tokens }
  private static func demonstration(width: Int) -> Int { width * (width + 1) }
  private static func closing(width: Int) -> Int { 3 * width * (width + 1) / 2 }

  /// One seed: pre-training, fine-tuning, three tests.
  static func seed(_ spec: LinearFineTuningSpec) -> Work {
    let fineTunings = RegressionVariant.fineTunings
    let training = [[RegressionVariant.pretraining], fineTunings].reduce(0.0) { sum, variants in
      // The weight of the few-shot loss ends at 0, in the last step.
      func weights(_ step: Int) -> [Double] {
        variants.map { $0.fewShotWeight(step: step, of: spec.iterations) }
      }
      return sum
        + Double(spec.iterations - 1) * Double(step(spec, variants, fewShot: weights(0)))
        + Double(step(spec, variants, fewShot: weights(spec.iterations - 1)))
    }
    let tests = test(
      width: spec.setting.width, models: fineTunings.count + 1, shots: spec.testShots,
      prompts: spec.testPrompts)
    let steps = 2 * spec.iterations * spec.batch * (spec.shots + 1)
    return Work(
      floatingPointOperations: training + 3 * Double(tests),
      tokens: steps + 3 * spec.testPrompts * (spec.testShots + 1))
  }
}
