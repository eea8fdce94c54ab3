// The packed matrix product: its value, and that no way of cutting the work changes a bit.

import CKernels
import Testing

struct ProductTests {
  struct Case<R: KernelElement> {
    let rows, depth, columns: Int
    let a: [R]
    let b: [R]
    let bias: [R]
    let start: [R]

    init(_ rows: Int, _ depth: Int, _ columns: Int) {
      var draws = Draws(rows * 1009 + depth * 31 + columns)
      (self.rows, self.depth, self.columns) = (rows, depth, columns)
      a = draws.values(rows * depth)
      b = draws.values(columns * depth)
      bias = draws.values(columns)
      start = draws.values(rows * columns)
    }

    var panels: Int { (columns + 31) / 32 }

    func expected(_ b: [R], bias withBias: Bool, accumulate: Bool) -> [Double] {
      (0..<rows * columns).map { i in
        let (m, n) = (i / columns, i % columns)
        var sum = accumulate ? Double(start[i]) : 0
        for k in 0..<depth { sum += Double(a[m * depth + k]) * Double(b[n * depth + k]) }
        return sum + (withBias ? Double(bias[n]) : 0)
      }
    }

    func run(
      _ t: ck_kernels, _ packed: [UInt8], dtype: ck_dtype = R.dtype, rowCut: Int? = nil,
      panelCut: Int? = nil, bias withBias: Bool = false, accumulate: Bool = false
    ) -> [R] {
      var out = start
      let cuts = [0, rowCut ?? 0, rows]
      let panelCuts = [0, panelCut ?? 0, panels]
      for (from, to) in zip(cuts, cuts.dropFirst()) {
        for (first, last) in zip(panelCuts, panelCuts.dropFirst()) {
          a.withUnsafeBufferPointer { a in
            out.withUnsafeMutableBufferPointer { out in
              t.product?(
                to - from, depth, columns, a.baseAddress.map { $0 + from * depth }, depth, 1,
                packed, dtype, first, last, withBias ? bias : nil,
                out.baseAddress.map { $0 + from * columns }, columns, accumulate)
            }
          }
        }
      }
      return out
    }
  }

  static let shapes = [
    (1, 1, 1), (1, 5, 33), (3, 16, 32), (5, 0, 40), (8, 64, 96), (13, 100, 31), (14, 385, 64),
    (15, 700, 65), (29, 1024, 100), (64, 130, 130), (340, 33, 40),
  ]

  func check<R: KernelElement>(_: R.Type, _ t: ck_kernels, tolerance: Double) {
    for (rows, depth, columns) in Self.shapes {
      let c = Case<R>(rows, depth, columns)
      let packed = KernelRuns.packed(c.b, depth: depth, columns: columns)
      for (bias, accumulate) in [(false, false), (true, false), (false, true), (true, true)] {
        expectClose(
          c.run(t, packed, bias: bias, accumulate: accumulate),
          c.expected(c.b, bias: bias, accumulate: accumulate),
          tolerance, "\(rows)×\(depth)×\(columns), bias \(bias), accumulate \(accumulate)")
      }
    }
  }

  @Test(arguments: KernelTable.f32) func equalsTheTripleLoop(_ table: KernelTable) {
    check(Float.self, table.kernels, tolerance: 1e-4)
  }

  @Test func equalsTheTripleLoopInDouble() {
    check(Double.self, KernelTable.f64, tolerance: 1e-13)
  }

  /// One chain of fused multiply-adds in the order of k, from zero or from what is there, then the bias.
  @Test func everyElementIsOneChain() {
    let c = Case<Float>(7, 801, 45)
    let packed = KernelRuns.packed(c.b, depth: c.depth, columns: c.columns)
    let found = c.run(KernelTable.best, packed, bias: true, accumulate: true)
    let chained = c.start.indices.map { i in
      let (m, n) = (i / c.columns, i % c.columns)
      var sum = c.start[i]
      for k in 0..<c.depth {
        sum = sum.addingProduct(c.a[m * c.depth + k], c.b[n * c.depth + k])
      }
      return sum + c.bias[n]
    }
    expectSameBits(found, chained, "product")
  }

  @Test(arguments: KernelTable.f32)
  func rowsAndPanelsMayBeCutAnywhere(_ table: KernelTable) {
    for (rows, depth, columns) in Self.shapes {
      let c = Case<Float>(rows, depth, columns)
      let packed = KernelRuns.packed(c.b, depth: depth, columns: columns)
      let whole = c.run(table.kernels, packed, bias: true)
      for cut in Set([0, 1, rows / 3, rows / 2, rows - 1]) {
        expectSameBits(c.run(table.kernels, packed, rowCut: cut, bias: true), whole, "row \(cut)")
      }
      for cut in 0...c.panels {
        expectSameBits(
          c.run(table.kernels, packed, panelCut: cut, bias: true), whole, "panel \(cut)")
      }
    }
  }

  /// a(m, k) with strides of its own: transposed, every other row, and rows 4 KB apart, which are copied.
  @Test(arguments: KernelTable.f32)
  func stridesOfTheLeftSideDoNotMatter(_ table: KernelTable) {
    let c = Case<Float>(37, 500, 300)
    let packed = KernelRuns.packed(c.b, depth: c.depth, columns: c.columns)
    let expected = c.run(table.kernels, packed)
    for (rowStride, columnStride) in [(1, c.rows), (1, c.rows + 5), (1024, 1), (503, 1), (1501, 3)]
    {
      var a = [Float](
        repeating: .nan, count: (c.rows - 1) * rowStride + (c.depth - 1) * columnStride + 1)
      for m in 0..<c.rows {
        for k in 0..<c.depth { a[m * rowStride + k * columnStride] = c.a[m * c.depth + k] }
      }
      var out = [Float](repeating: .nan, count: c.rows * c.columns)
      table.kernels.product?(
        c.rows, c.depth, c.columns, a, rowStride, columnStride, packed, CK_F32, 0, c.panels, nil,
        &out, c.columns, false)
      expectSameBits(out, expected, "strides \(rowStride), \(columnStride)")
    }
  }

  @Test(arguments: KernelTable.f32)
  func halfPrecisionWeightsAreWidenedExactly(_ table: KernelTable) {
    for dtype in [CK_BF16, CK_F16] {
      let c = Case<Float>(9, 77, 50)
      let packed = KernelRuns.packed(c.b, depth: c.depth, columns: c.columns, dtype: dtype)
      var half = [UInt16](repeating: 0, count: c.b.count)
      var widened = c.b
      ck_convert(c.b.count, c.b, CK_F32, &half, dtype)
      ck_convert(c.b.count, half, dtype, &widened, CK_F32)
      #expect(widened != c.b)
      expectSameBits(
        c.run(table.kernels, packed, dtype: dtype),
        c.run(table.kernels, KernelRuns.packed(widened, depth: c.depth, columns: c.columns)),
        "\(dtype)")
    }
  }

  @Test(arguments: KernelTable.f32)
  func columnsBeyondAreNotWritten(_ table: KernelTable) {
    let c = Case<Float>(6, 20, 45)
    let packed = KernelRuns.packed(c.b, depth: c.depth, columns: c.columns)
    let stride = c.columns + 19
    var out = [Float](repeating: -7, count: c.rows * stride)
    table.kernels.product?(
      c.rows, c.depth, c.columns, c.a, c.depth, 1, packed, CK_F32, 0, c.panels, nil, &out, stride,
      false)
    for i in out.indices { #expect((out[i] == -7) == (i % stride >= c.columns)) }
  }
}
