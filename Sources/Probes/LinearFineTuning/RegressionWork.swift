// RegressionWork: the multiplications and additions of prompts' moments, predictions and gradients. D token width.

import TensorCore

enum RegressionWork {
  /// A step of training: every prompt of the batch drawn, and its gradients.
  static func step(_ spec: LinearFineTuningSpec, _ variant: RegressionVariant, fewShot: Double)
    -> Int
  {
    let width = spec.setting.width
    let trainsQueryKey = variant.trainsQuery && variant.trainsKey
    var each = drawing(width: width, tokens: spec.shots + 1) + 2 * width * width  // keys
    if variant.zeroShot != 0 {
      each += 4 * width + (trainsQueryKey ? 2 * width * width : 2 * width)
    }
    if fewShot != 0 {
      let trained = (trainsQueryKey ? 1 : 0) + (variant.trainsValue ? 1 : 0)
      each += spec.shots * demonstration(width: width) + closing(width: width)
      each += (2 + 2 * trained) * width * width
    }
    return each * spec.batch
  }

  /// A test of a model at every number of demonstrations.
  static func test(width: Int, shots: Int, prompts: Int) -> Int {
    let each = closing(width: width) + 4 * width * width
    return prompts
      * (drawing(width: width, tokens: shots + 1) + shots * demonstration(width: width)
        + (shots + 1) * each)
  }

  private static func drawing(width: Int, tokens: Int) -> Int { 3 * (width - 2) * tokens }
  private static func demonstration(width: Int) -> Int { width * (width + 1) }
  private static func closing(width: Int) -> Int { 3 * width * (width + 1) / 2 }

  /// A training by `variant`, then three tests.
  static func cell(_ spec: LinearFineTuningSpec, _ variant: RegressionVariant) -> Work {
    // The weight of the few-shot loss may end at 0, in the last step.
    func weight(_ step: Int) -> Double { variant.fewShotWeight(step: step, of: spec.iterations) }
    let training =
      Double(spec.iterations - 1) * Double(step(spec, variant, fewShot: weight(0)))
      + Double(step(spec, variant, fewShot: weight(spec.iterations - 1)))
    let tests = test(width: spec.setting.width, shots: spec.testShots, prompts: spec.testPrompts)
    return Work(
      floatingPointOperations: training + 3 * Double(tests),
      tokens: spec.iterations * spec.batch * (spec.shots + 1)
        + 3 * spec.testPrompts * (spec.testShots + 1))
  }
}
