// Parameters that stay where they are stored, in f32, f64, bf16 or f16 and under any strides, against the same numbers
// held densely.

import Synchronization
import TensorCore
import TestSupport
import Testing

@Suite struct ParameterTests {
  static let context = ComputeContext(threads: 2)

  /// Bytes in memory, and how often they were given back.
  final class Store: Sendable {
    let bytes: [UInt8]
    let releases = Atomic(0)
    init(_ bytes: [UInt8]) { self.bytes = bytes }
  }

  /// Numbers that every format holds exactly: multiples of 1/8 below 16.
  static func exact(_ count: Int, seed: UInt64 = 3) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Double(generator.uniformInteger(below: 255) - 127) / 8 }
  }

  /// The elements' little-endian bytes, by Swift's own conversions.
  static func bytes(_ values: [Double], _ type: ElementType) -> [UInt8] {
    func raw<Value>(_ values: [Value]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
    return switch type {
    case .float32: raw(values.map { Float($0) })
    case .float64: raw(values)
    case .float16: raw(values.map { Float16($0) })
    case .bfloat16: raw(values.map { UInt16(Float($0).bitPattern >> 16) })
    }
  }

  struct Layout: Sendable, CustomTestStringConvertible {
    let name: String
    /// Distances in elements for a matrix [out, in]; what lies between is not part of it.
    let row, column, first: Int
    var testDescription: String { name }
  }
  static let out = 35
  static let depth = 19
  static let layouts = [
    Layout(name: "dense", row: depth, column: 1, first: 0),
    Layout(name: "transposed", row: 1, column: out, first: 0),
    Layout(name: "a middle third of transposed outputs", row: 1, column: 3 * out, first: out),
    Layout(name: "rows with gaps", row: depth + 5, column: 1, first: 2),
    Layout(name: "every other column", row: 2 * depth, column: 2, first: 1),
  ]

  static func stored<Scalar: TensorScalar>(
    _ values: [Double], _ type: ElementType, _ layout: Layout
  ) -> (Parameter<Scalar>, Store) {
    var all = [Double](
      repeating: 99, count: layout.first + out * layout.row + depth * layout.column)
    for row in 0..<out {
      for column in 0..<depth {
        all[layout.first + row * layout.row + column * layout.column] = values[row * depth + column]
      }
    }
    let store = Store(bytes(all, type))
    let first = layout.first * type.size
    let elements = StoredElements(
      elementType: type, rowStride: layout.row, columnStride: layout.column,
      access: { rows, body in
        let begin = first + rows.lowerBound * layout.row * type.size
        store.bytes.withUnsafeBytes { if let base = $0.baseAddress { body(base + begin) } }
      }, giveBack: { _ in store.releases.add(1, ordering: .relaxed) })
    return (Parameter(name: "w", shape: [out, depth], stored: elements), store)
  }

  static func check<Scalar: TensorScalar>(_ type: ElementType, _ layout: Layout, _: Scalar.Type) {
    let values = exact(out * depth)
    let (parameter, store): (Parameter<Scalar>, Store) = stored(values, type, layout)
    let dense = Parameter(
      name: "w", tensor: Tensor(shape: [out, depth], values: values.map { Scalar($0) }))
    #expect(parameter.elementType == type && parameter.count == out * depth)
    #expect(parameter.tensor() == dense.tensor())
    let x = Variable(
      Tensor(shape: [4, depth], values: exact(4 * depth, seed: 8).map { Scalar($0) }))
    func results(_ weight: Parameter<Scalar>) -> [Tensor<Scalar>] {
      let tape = Tape<Scalar>()
      let ops = Operations(context, tape: tape)
      let input = tape.variable(x.tensor)
      let y = ops.linear(input, weight: weight)
      let seed = Tensor(shape: [4, out], values: exact(4 * out, seed: 9).map { Scalar($0) })
      let found = tape.gradients(from: [(y, seed)])
      return [y.tensor, ops.embed([34, 0, 17], in: weight).tensor]
        + [found[input]].compactMap { $0 }
    }
    let (found, expected) = (results(parameter), results(dense))
    #expect(found == expected && found.count == 3)
    // Packed once a direction, after which the pages are given back, as after rows; they can still be read.
    let releases = store.releases.load(ordering: .relaxed)
    _ = results(parameter)
    #expect(store.releases.load(ordering: .relaxed) == releases + 1)
    if Scalar.self == Float.self && type != .float64 { #expect(releases == 3) }
    #expect(parameter.tensor() == dense.tensor())
  }

  @Test(arguments: ElementType.allCases, layouts)
  func matrices(_ type: ElementType, _ layout: Layout) {
    Self.check(type, layout, Float.self)
    Self.check(type, layout, Double.self)
  }

  /// Rows so far apart that a panel of 32 is a piece: each is read and given back before the next, in order.
  @Test func largeMatricesArePackedInPieces() {
    let (out, depth, row) = (100, 19, 70_000)
    let values = Self.exact(out * depth)
    let dense = Parameter(
      name: "w", tensor: Tensor(shape: [out, depth], values: values.map { Float($0) }))
    let log = Mutex([String]())
    let parameter = Parameter<Float>(
      name: "w", shape: [out, depth],
      stored: StoredElements(
        elementType: .float32, rowStride: row, columnStride: 1,
        access: { rows, body in
          log.withLock { $0.append("read \(rows)") }
          var own = [Float](repeating: .nan, count: rows.count * row)
          for (index, from) in rows.enumerated() {
            for column in 0..<depth {
              own[index * row + column] = Float(values[from * depth + column])
            }
          }
          own.withUnsafeBytes { if let base = $0.baseAddress { body(base) } }
        }, giveBack: { rows in log.withLock { $0.append("release \(rows)") } }))
    let x = Variable(
      Tensor<Float>(shape: [4, depth], values: Self.exact(4 * depth, seed: 8).map { Float($0) }))
    let ops = Operations<Float>(Self.context)
    #expect(ops.linear(x, weight: parameter).tensor == ops.linear(x, weight: dense).tensor)
    let pieces = ["0..<32", "32..<64", "64..<96", "96..<100"]
    #expect(log.withLock { $0 } == pieces.flatMap { ["read \($0)", "release \($0)"] })
  }

  @Test(arguments: ElementType.allCases) func vectors(_ type: ElementType) {
    let values = Self.exact(23)
    let store = Store(Self.bytes(values, type))
    let parameter = Parameter<Float>(
      name: "b", shape: [23],
      stored: StoredElements(elementType: type, rowStride: 23, columnStride: 1) { _, body in
        store.bytes.withUnsafeBytes { if let base = $0.baseAddress { body(base) } }
      })
    #expect(parameter.tensor().values == values.map { Float($0) })
    #expect(parameter.tensor().shape == [23])
  }

  /// Sixteen-bit weights are widened inside the product: the bits are those of the widened matrix.
  @Test(arguments: [ElementType.bfloat16, .float16]) func halfPrecisionBits(_ type: ElementType) {
    var generator = SeededGenerator(seed: 12)
    let values = (0..<Self.out * Self.depth).map { _ in
      let value = Float(generator.normal())
      return type == .float16
        ? Double(Float16(value)) : Double(Float(bitPattern: value.bitPattern & 0xffff_0000))
    }
    let x = Tensor<Float>(
      shape: [9, Self.depth], values: (0..<9 * Self.depth).map { _ in Float(generator.normal()) })
    let (parameter, _): (Parameter<Float>, Store) = Self.stored(values, type, Self.layouts[1])
    let dense = Parameter(
      name: "w",
      tensor: Tensor<Float>(shape: [Self.out, Self.depth], values: values.map { Float($0) }))
    for set in InstructionSet.allCases where set.isAvailable {
      let ops = Operations<Float>(ComputeContext(threads: 1, instructionSet: set))
      let products = [parameter, dense].map { ops.linear(Variable(x), weight: $0).tensor }
      #expect(bitDifference(products[0], products[1]) == nil, "\(set)")
    }
  }

  /// Threads that need a matrix at the same time all get it, packed once.
  @Test func manyThreadsAtOnce() async {
    let values = Self.exact(Self.out * Self.depth)
    let (parameter, store): (Parameter<Float>, Store) = Self.stored(
      values, .bfloat16, Self.layouts[0])
    let x = Variable(
      Tensor<Float>(shape: [1, Self.depth], values: Array(repeating: 1, count: Self.depth)))
    let sums = (0..<Self.out).map { row in
      Float(values[row * Self.depth..<(row + 1) * Self.depth].reduce(0, +))
    }
    await withTaskGroup(of: [Float].self) { group in
      for _ in 0..<16 {
        group.addTask {
          Operations<Float>(Self.context).linear(x, weight: parameter).tensor.values
        }
      }
      for await found in group { #expect(found == sums) }
    }
    #expect(store.releases.load(ordering: .relaxed) == 1)
  }
}
