// log p(target): against f64 loops, and at extreme logits.

import CKernels
import Testing

struct LossKernelTests {
  @Test(arguments: KernelTable.f32)
  func logProbabilityEqualsTheFormula(_ table: KernelTable) {
    for vocabulary in [1, 2, 15, 16, 100, 1003] {
      var draws = Draws(vocabulary)
      let stride = vocabulary + 3
      let x: [Float] = draws.values(4 * stride, 6)
      let targets = (0..<4).map { _ in Int32(draws.integer(0...(vocabulary - 1))) }
      var found = [Double](repeating: .nan, count: 4)
      table.kernels.log_probability?(4, vocabulary, x, stride, targets, &found)
      let expected = (0..<4).map { row in
        let logits = x[row * stride..<row * stride + vocabulary].map { Double($0) }
        return logits[Int(targets[row])] - ck_log(logits.reduce(0) { $0 + ck_exp($1) })
      }
      expectClose(found, expected, 1e-6, "vocabulary \(vocabulary)")
      #expect(found.allSatisfy { $0 <= 1e-12 })
    }
  }

  @Test(arguments: KernelTable.f32)
  func standingsAreThoseOfALoop(_ table: KernelTable) {
    for vocabulary in [1, 2, 15, 16, 17, 1003] {
      var draws = Draws(vocabulary)
      let rows = 40
      // Few values, so that logits tie; some -inf.
      let x: [Float] = (0..<rows * vocabulary).map { _ in
        let value = draws.integer(0...6)
        return value == 0 ? -.infinity : Float(value)
      }
      let targets = (0..<rows).map { _ in Int32(draws.integer(0...(vocabulary - 1))) }
      var (best, higher) = (
        [Int32](repeating: -1, count: rows), [Int32](repeating: -1, count: rows)
      )
      var lead = [Double](repeating: 0, count: rows)
      table.kernels.standing?(rows, vocabulary, x, vocabulary, targets, &best, &higher, &lead)
      for row in 0..<rows {
        let own = Array(x[row * vocabulary..<(row + 1) * vocabulary])
        let target = Int(targets[row])
        let others = own.enumerated().filter { $0.offset != target }.map(\.element)
        #expect(Int(best[row]) == own.firstIndex(of: own.max() ?? 0))
        #expect(Int(higher[row]) == own.filter { $0 > own[target] }.count)
        let expected = Double(own[target]) - Double(others.max() ?? -.infinity)
        #expect(lead[row] == expected || (lead[row].isNaN && expected.isNaN))
      }
    }
  }

  @Test func extremeLogits() {
    let targets: [Int32] = [0, 1, 2]
    let x: [Float] = [3e38, 0, -3e38, 100, 100, -.infinity, -.infinity, 1, -.infinity]
    var found = [Double](repeating: .nan, count: 3)
    KernelTable.best.log_probability?(3, 3, x, 3, targets, &found)
    #expect(found[0] == 0)
    #expect(abs(found[1] + 0.6931471805599453) < 1e-9)
    #expect(found[2] == -.infinity)
  }

  @Test func aVocabularyOfEqualLogitsIsUniform() {
    let n = 50_257
    let x = [Float](repeating: 1.5, count: n)
    var found = [0.0]
    KernelTable.best.log_probability?(1, n, x, n, [Int32(n - 1)], &found)
    #expect(abs(found[0] + ck_log(Double(n))) < 1e-12)
  }
}
