// Tensors are values: what one holder changes no other sees.

import TensorCore
import TestSupport
import Testing

@Suite struct TensorTests {
  @Test func copiesAreIndependent() {
    let first = Tensor<Float>(shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
    var second = first
    let third = second.reshaped([3, 2])
    second.withUnsafeMutableBufferPointer { $0[4] = 50 }
    #expect(first.values == [1, 2, 3, 4, 5, 6])
    #expect(third.values == [1, 2, 3, 4, 5, 6] && third.shape == [3, 2])
    #expect(second.values == [1, 2, 3, 4, 50, 6] && second.shape == [2, 3])
    // Alone, it is changed in place; a copy taken meanwhile keeps what it saw.
    let snapshot = second
    second.withUnsafeMutableBufferPointer { $0[0] = 10 }
    #expect(snapshot.values == [1, 2, 3, 4, 50, 6])
    #expect(second.values == [10, 2, 3, 4, 50, 6])
  }

  @Test func anArrayOfTensorsCopiesOnWrite() {
    var list = Array(repeating: Tensor<Double>(repeating: 0.5, shape: [2]), count: 3)
    list[1].withUnsafeMutableBufferPointer { $0[0] = 7 }
    #expect(list.map(\.values) == [[0.5, 0.5], [7, 0.5], [0.5, 0.5]])
  }

  @Test func rowsAndWidths() {
    let cube = Tensor<Float>(shape: [2, 2, 3], values: (0..<12).map { Float($0) })
    #expect(cube.rows == 4 && cube.width == 3 && cube.count == 12)
    #expect(cube.row(3) == [9, 10, 11])
    let scalar = Tensor<Float>(shape: [], values: [4])
    #expect(scalar.count == 1 && scalar.width == 1 && scalar.rows == 1)
    let none = Tensor<Float>(repeating: 1, shape: [0, 5])
    #expect(none.count == 0 && none.rows == 0 && none.values.isEmpty)
    #expect(Tensor<Float>(repeating: 0, shape: [3, 0]).rows == 0)
    #expect(Tensor<Double>(repeating: -2, shape: [2]).values == [-2, -2])
    #expect(Tensor<Float>(repeating: 0, shape: [70]).values.allSatisfy { $0.bitPattern == 0 })
  }

  @Test func equality() {
    let one = Tensor<Float>(shape: [2], values: [0, 1])
    #expect(one == Tensor(shape: [2], values: [-0.0, 1]))
    #expect(one != Tensor(shape: [2, 1], values: [0, 1]))
    #expect(one != Tensor(shape: [2], values: [0, 2]))
    let undefined = Tensor<Float>(shape: [1], values: [.nan])
    #expect(undefined != undefined)
    #expect(bitDifference(undefined, undefined) == nil)
    #expect(bitDifference(one, Tensor(shape: [2], values: [-0.0, 1])) != nil)
  }

  @Test func conversion() {
    // Halfway between two floats: to the even one.
    let wide = Tensor<Double>(shape: [3], values: [1 + 0x1p-24, 1 + 3 * 0x1p-24, 0.1])
    let narrow: Tensor<Float> = wide.converted()
    #expect(narrow.values == [1, 1 + 0x1p-22, Float(0.1)])
    let back: Tensor<Double> = narrow.converted()
    #expect(back.values == narrow.values.map { Double($0) })
  }
}
