// Products in bf16: against numbers rounded by hand, and the same bits whatever the rows, threads and panels.

import CKernels
import TensorCore
import TestSupport
import Testing

@Suite struct RoundedProductTests {
  /// (rows, depth, columns): odd ones, several blocks of each.
  static let shapes = [(1, 1, 1), (3, 7, 5), (15, 75, 50), (29, 801, 33), (350, 96, 64)]

  private static func tensor(_ shape: [Int], _ key: String) -> Tensor<Float> {
    var generator = SeededGenerator(key: key, seed: 7)
    return Tensor(
      shape: shape, values: (0..<shape.reduce(1, *)).map { _ in Float(generator.normal()) })
  }

  private static func rounded(_ x: Float) -> Double {
    var half: UInt16 = 0
    withUnsafePointer(to: x) { ck_convert(1, $0, CK_F32, &half, CK_BF16) }
    return Double(Float(bitPattern: UInt32(half) << 16))
  }

  private static func linear(
    _ x: Tensor<Float>, _ weight: Parameter<Float>, _ bias: Parameter<Float>?, threads: Int
  ) -> Tensor<Float> {
    Operations(ComputeContext(threads: threads, precision: .bf16))
      .linear(Variable(x), weight: weight, bias: bias).tensor
  }

  @Test(arguments: shapes) func productsOfRoundedNumbers(rows: Int, depth: Int, columns: Int) {
    guard Precision.bf16.isAvailable else {
      print("skipped: productsOfRoundedNumbers: this CPU has no bf16 dot product")
      return
    }
    let (x, w, b) = (
      Self.tensor([rows, depth], "x"), Self.tensor([columns, depth], "w"),
      Self.tensor([columns], "b")
    )
    let weight = Parameter(name: "w", tensor: w)
    let bias = Parameter(name: "b", tensor: b)
    let found = Self.linear(x, weight, bias, threads: 1)
    for row in 0..<rows {
      let left = x.row(row).map(Self.rounded)
      for column in 0..<columns {
        let right = w.row(column).map(Self.rounded)
        let products = zip(left, right).map { $0 * $1 }
        let size = products.reduce(1) { $0 + abs($1) }
        let expected = products.reduce(Double(b.values[column]), +)
        #expect(
          abs(Double(found.row(row)[column]) - expected) <= 4e-7 * size, "\(row), \(column)")
      }
    }
    // The rounding is there: the product of unrounded numbers is another.
    let plain = Operations<Float>(ComputeContext(threads: 1)).linear(
      Variable(x), weight: weight, bias: bias)
    #expect(depth < 7 || plain.tensor != found)
    #expect(Self.linear(x, weight, bias, threads: 2) == found)
    for row in 0..<min(rows, 4) {
      let one = Tensor(shape: [1, depth], values: x.row(row))
      #expect(Self.linear(one, weight, bias, threads: 1).values == found.row(row))
    }
  }

  @Test func storedAndTransposedWeightsGiveTheSame() {
    guard Precision.bf16.isAvailable else {
      print("skipped: storedAndTransposedWeightsGiveTheSame: this CPU has no bf16 dot product")
      return
    }
    let (depth, columns) = (67, 45)
    let w = Self.tensor([columns, depth], "w")
    var halves = [UInt16](repeating: 0, count: w.count)
    ck_convert(w.count, w.values, CK_F32, &halves, CK_BF16)
    var transposed = [UInt16](repeating: 0, count: w.count)
    for n in 0..<columns {
      for k in 0..<depth { transposed[k * columns + n] = halves[n * depth + k] }
    }
    func stored(_ bits: [UInt16], row: Int, column: Int) -> Parameter<Float> {
      Parameter(
        name: "w", shape: [columns, depth],
        stored: StoredElements(
          elementType: .bfloat16, rowStride: row, columnStride: column,
          access: { rows, body in
            bits.withUnsafeBytes { bytes in
              if let base = bytes.baseAddress { body(base + rows.lowerBound * row * 2) }
            }
          }))
    }
    let x = Self.tensor([9, depth], "x")
    let expected = Self.linear(x, Parameter(name: "w", tensor: w), nil, threads: 1)
    #expect(Self.linear(x, stored(halves, row: depth, column: 1), nil, threads: 1) == expected)
    #expect(
      Self.linear(x, stored(transposed, row: 1, column: columns), nil, threads: 2) == expected)
  }

  @Test func gradientsAreNotRounded() throws {
    guard Precision.bf16.isAvailable else {
      print("skipped: gradientsAreNotRounded: this CPU has no bf16 dot product")
      return
    }
    let weight = Parameter(name: "w", tensor: Self.tensor([8, 32], "w"))
    let x = Self.tensor([4, 32], "x")
    func taped(_ precision: Precision) -> Tensor<Float> {
      let tape = Tape<Float>()
      tape.watch(weight)
      return Operations(ComputeContext(threads: 1, precision: precision), tape: tape)
        .linear(Variable(x), weight: weight).tensor
    }
    #expect(taped(.bf16) == taped(.f32))
  }
}
