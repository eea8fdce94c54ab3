// Bits: comparing results that must be the same, not close. Elements are compared by their bit patterns, so that
// −0 differs from 0 and a NaN equals itself.

import TensorCore

/// Where two tensors first differ in shape or in a bit; nil if they do not.
package func bitDifference(_ found: Tensor<Float>, _ expected: Tensor<Float>) -> String? {
  guard found.shape == expected.shape else { return "shape \(found.shape) for \(expected.shape)" }
  return bitDifference(found.values, expected.values)
}

/// Where two arrays first differ in length or in a bit; nil if they do not.
package func bitDifference(_ found: [Float], _ expected: [Float]) -> String? {
  guard found.count == expected.count else { return "\(found.count) values for \(expected.count)" }
  let differing = found.indices.filter { found[$0].bitPattern != expected[$0].bitPattern }
  guard let first = differing.first else { return nil }
  return "\(differing.count) of \(found.count) elements, the first at \(first): \(found[first]), "
    + "expected \(expected[first])"
}

/// Arrays by name that differ, with where; empty if they do not.
package func bitDifferences(
  _ found: [(name: String, values: Tensor<Float>)],
  _ expected: [(name: String, values: Tensor<Float>)]
) -> [String] {
  guard found.map(\.name) == expected.map(\.name) else {
    return ["names \(found.map(\.name)) for \(expected.map(\.name))"]
  }
  return zip(found, expected).compactMap { one, other in
    bitDifference(one.values, other.values).map { "\(one.name): \($0)" }
  }
}
