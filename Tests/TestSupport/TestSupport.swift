// TestSupport: comparing tensors, finding fixtures, and saying why a test is skipped.

import TensorCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How far a result may be from its reference, and why. All tolerances of the parity tests are here.
package enum Tolerance {
  /// f32 forward passes of tiny models against f64 references.
  package static let activation = 1e-5
  /// f32 gradients against f64 references: sums over tokens and layers of rounded products, relative to the largest.
  package static let gradient = 3e-5
  /// f64 forward passes and gradients against references that are stored in f32.
  package static let doubleAgainstFloat = 2e-6
  /// f64 gradients against central differences with a step of 1e-5: truncation and cancellation.
  package static let finiteDifference = 1e-7
  /// What probes make of several f32 runs (effects, shares of effects) against f64 references: differences of logits and
  /// quotients of them magnify what a single run's activations differ by.
  package static let probe = 1e-4
}

/// Where two arrays differ most, in units of the larger of 1, the reference's root mean square (of its
/// finite elements), and the element itself.
package struct Difference: CustomStringConvertible {
  package let largest: Double
  package let index: Int
  package let found: Double
  package let expected: Double

  /// Compares element by element; NaN, or infinities that differ, count as an infinite difference.
  package init<A: BinaryFloatingPoint, B: BinaryFloatingPoint>(_ found: [A], _ expected: [B]) {
    let finite = expected.map { Double($0) }.filter(\.isFinite)
    let squares = finite.reduce(0) { $0 + $1 * $1 }
    let size = max(1, (squares / Double(max(1, finite.count))).squareRoot())
    var (largest, at) = (found.count == expected.count ? 0 : Double.infinity, 0)
    for index in 0..<min(found.count, expected.count) {
      let (x, y) = (Double(found[index]), Double(expected[index]))
      let difference = x == y ? 0 : (x - y).isFinite ? abs(x - y) / max(size, abs(y)) : .infinity
      if difference > largest { (largest, at) = (difference, index) }
    }
    self.largest = largest
    index = at
    self.found = at < found.count ? Double(found[at]) : .nan
    self.expected = at < expected.count ? Double(expected[at]) : .nan
  }

  package var description: String {
    "differs by \(largest) at element \(index): \(found), expected \(expected)"
  }
}

/// The folder of the package.
package let packageFolder: String = {
  // Tests/TestSupport/TestSupport.swift
  var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
  parts.removeLast(3)
  return parts.joined(separator: "/")
}()

/// A committed fixture.
package func fixture(_ path: String) -> String { "\(packageFolder)/Tests/Fixtures/\(path)" }

/// Third-party material that lies beside the package on some machines; nil, and a line that says so, elsewhere.
package func realMaterial(_ path: String, for test: String = #function) -> String? {
  let full = "\(packageFolder)/../shared/real/\(path)"
  guard access(full, R_OK) == 0 else {
    print("skipped: \(test): \(path) is not beside the package (../shared/real)")
    return nil
  }
  return full
}
