// Norms, gains, row division and rotary embedding against plain f64 loops.

import CKernels
import Testing

struct RowKernelTests {
  static let widths = [1, 2, 7, 15, 16, 17, 31, 64, 100, 257, 768]

  @Test(arguments: [false, true])
  func normsAreWhatTheySay(_ centre: Bool) {
    for width in Self.widths {
      var draws = Draws(width)
      let x: [Float] = draws.values(3 * width, 2).map { $0 + 0.5 }
      var scale = [Float](repeating: .nan, count: 3)
      var out = [Float](repeating: .nan, count: 3 * width)
      KernelTable.best.norm?(3, width, x, centre, 1e-5, &scale, &out)
      var scales: [Double] = []
      var expected: [Double] = []
      for row in 0..<3 {
        let values = x[row * width..<(row + 1) * width].map { Double($0) }
        let mean = centre ? values.reduce(0, +) / Double(width) : 0
        let centred = values.map { $0 - mean }
        let variance = centred.reduce(0) { $0 + $1 * $1 } / Double(width)
        scales.append((variance + 1e-5).squareRoot())
        expected += centred.map { $0 / scales[row] }
      }
      // centring one or two values leaves rounding errors only, magnified by the small scale
      let tolerance = width < 3 ? 1e-3 : 1e-5
      expectClose(scale, scales, tolerance, "scale, width \(width)")
      expectClose(out, expected, tolerance, "normalized, width \(width)")
      var again = out
      KernelTable.best.norm_with_scale?(3, width, x, centre, scale, &again)
      expectSameBits(again, out, "norm_with_scale, width \(width)")
    }
  }

  /// 16 strided partial sums and the tree, written out.
  @Test func sumsAlongARowFollowTheLaw() {
    for width in [1, 5, 16, 33, 100] {
      var draws = Draws(width)
      let x: [Float] = draws.values(width)
      var lanes = [Float](repeating: 0, count: 16)
      for i in 0..<width { lanes[i % 16] = lanes[i % 16].addingProduct(x[i], x[i]) }
      for step in [8, 4, 2, 1] { for j in 0..<step { lanes[j] += lanes[j + step] } }
      let expected = (lanes[0] / Float(width) + 0.25).squareRoot()
      var scale: [Float] = [.nan]
      var out = x
      KernelTable.best.norm?(1, width, x, false, 0.25, &scale, &out)
      expectSameBits(scale, [expected], "width \(width)")
      expectSameBits(out, x.map { $0 / expected }, "width \(width)")
    }
  }

  @Test func affineAndDivision() {
    for width in Self.widths {
      var draws = Draws(width)
      let x: [Float] = draws.values(2 * width)
      let gain: [Float] = draws.values(width)
      let bias: [Float] = draws.values(width)
      var out = x
      KernelTable.best.affine?(2, width, x, gain, bias, &out)
      expectSameBits(
        out, x.indices.map { bias[$0 % width].addingProduct(x[$0], gain[$0 % width]) }, "fused")
      KernelTable.best.affine?(2, width, x, gain, nil, &out)
      expectSameBits(out, x.indices.map { x[$0] * gain[$0 % width] }, "no bias")
      let divisors: [Float] = [2.5, -0.75]
      KernelTable.best.divide_rows?(2, width, x, divisors, 0.125, &out)
      expectSameBits(out, x.indices.map { x[$0] / (divisors[$0 / width] + 0.125) }, "division")
    }
  }

  @Test func gradientsOfGainAndBiasMayBeCutByColumns() {
    let (rows, width) = (5, 83)
    var draws = Draws(1)
    let x: [Float] = draws.values(rows * width)
    let dy: [Float] = draws.values(rows * width)
    let start: [Float] = draws.values(width)
    var (whole, wholeBias) = (start, start)
    KernelTable.best.affine_backward?(rows, width, x, nil, dy, nil, &whole, &wholeBias, 0, width)
    var (cut, cutBias) = (start, start)
    for (from, to) in [(0, 10), (10, 64), (64, 83)] {
      KernelTable.best.affine_backward?(rows, width, x, nil, dy, nil, &cut, nil, from, to)
      KernelTable.best.affine_backward?(rows, width, x, nil, dy, nil, nil, &cutBias, from, to)
    }
    expectSameBits(cut, whole, "dgain")
    expectSameBits(cutBias, wholeBias, "dbias")
    let expected = (0..<width).map { column in
      (0..<rows).reduce(start[column]) {
        $0.addingProduct(dy[$1 * width + column], x[$1 * width + column])
      }
    }
    expectSameBits(whole, expected, "in row order")
  }

  @Test(arguments: [false, true])
  func rotaryTurnsPairs(_ interleaved: Bool) {
    let (tokens, heads, width) = (4, 3, 23)
    let positions: [Int32] = [5, 0, 2, 2]
    for rotary in [2, 10, 22] {
      let half = rotary / 2
      var draws = Draws(rotary)
      let angles: [Double] = draws.values(6 * half, 3)
      let (cosines, sines) = (angles.map { Float(ck_cos($0)) }, angles.map { Float(ck_sin($0)) })
      let x: [Float] = draws.values(tokens * heads * width)
      var out = [Float](repeating: .nan, count: x.count)
      KernelTable.best.rotary?(
        tokens, heads, width, rotary, interleaved, false, positions, cosines, sines, x, &out)
      var expected = x.map { Double($0) }
      for token in 0..<tokens {
        for head in 0..<heads {
          let start = (token * heads + head) * width
          for i in 0..<half {
            let (first, second) = interleaved ? (2 * i, 2 * i + 1) : (i, i + half)
            let angle = angles[Int(positions[token]) * half + i]
            let (a, b) = (Double(x[start + first]), Double(x[start + second]))
            expected[start + first] = a * ck_cos(angle) - b * ck_sin(angle)
            expected[start + second] = b * ck_cos(angle) + a * ck_sin(angle)
          }
        }
      }
      expectClose(out, expected, 1e-6, "rotary \(rotary)")
      // back, in place
      let turned = out
      out.withUnsafeMutableBytes { bytes in
        KernelTable.best.rotary?(
          tokens, heads, width, rotary, interleaved, true, positions, cosines, sines,
          bytes.baseAddress, bytes.baseAddress)
      }
      expectClose(out, x.map { Double($0) }, 1e-6, "inverse \(rotary)")
      #expect(turned != out)
    }
  }
}
