// What the kernels' tests share: seeded values, the tables of this CPU, comparison of bits, the two
// element types under one name. The tests call the C tables directly, as no library code does.

import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Seeded draws (splitmix64), so that a failure repeats.
struct Draws {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(seed) }

  mutating func bits() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  /// Uniform in ±size.
  mutating func value(_ size: Double = 1) -> Double {
    (Double(bits() >> 11) * 0x1p-52 - 1) * size
  }

  mutating func values<R: KernelElement>(_ count: Int, _ size: Double = 1) -> [R] {
    (0..<count).map { _ in R(value(size)) }
  }

  mutating func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(bits() % UInt64(range.count))
  }
}

protocol KernelElement: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  static var dtype: ck_dtype { get }
  var pattern: UInt64 { get }
}

extension Float: KernelElement {
  static var dtype: ck_dtype { CK_F32 }
  var pattern: UInt64 { UInt64(bitPattern) }
}

extension Double: KernelElement {
  static var dtype: ck_dtype { CK_F64 }
  var pattern: UInt64 { bitPattern }
}

/// One table and its name.
struct KernelTable: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let kernels: ck_kernels

  static let portable = KernelTable(
    testDescription: "portable", kernels: ck_f32(CK_PORTABLE).pointee)
  /// The f32 tables of this CPU, the portable one first.
  static let f32: [KernelTable] =
    [portable]
    + [(CK_AVX2, "AVX2"), (CK_AVX512, "AVX-512"), (CK_NEON, "NEON")].compactMap { isa, name in
      ck_f32(isa).map { KernelTable(testDescription: name, kernels: $0.pointee) }
    }
  static let best = ck_f32(ck_best_isa()).pointee
  static let f64 = ck_f64().pointee
}

/// The first element whose bits differ (any NaN equals any NaN), or nil.
func firstDifference<R: KernelElement>(_ a: [R], _ b: [R]) -> Int? {
  if a.count != b.count { return min(a.count, b.count) }
  return a.indices.first { a[$0].pattern != b[$0].pattern && !(a[$0].isNaN && b[$0].isNaN) }
}

func expectSameBits<R: KernelElement>(
  _ found: [R], _ expected: [R], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  if let i = firstDifference(found, expected) {
    let pair = i < min(found.count, expected.count) ? "\(found[i]) and \(expected[i])" : "counts"
    Issue.record("\(what): bits differ at \(i): \(pair)", sourceLocation: sourceLocation)
  }
}

/// Every element within `tolerance` of its reference, relative to the larger of 1 and the reference.
func expectClose<R: KernelElement>(
  _ found: [R], _ expected: [Double], _ tolerance: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.count == expected.count else {
    Issue.record(
      "\(what): \(found.count) elements, expected \(expected.count)", sourceLocation: sourceLocation
    )
    return
  }
  var (worst, at) = (0.0, -1)
  for i in found.indices {
    let (x, y) = (Double(found[i]), expected[i])
    let error = x == y ? 0 : abs(x - y) / max(1, abs(y))
    if !(error <= worst) { (worst, at) = (error.isNaN ? .infinity : error, i) }
  }
  if at >= 0, worst > tolerance {
    Issue.record(
      "\(what): off by \(worst) at \(at): \(found[at]), expected \(expected[at])",
      sourceLocation: sourceLocation)
  }
}

/// |found - (high + low)| in units of the last place of a result of that size.
func unitsInLastPlace(_ found: Double, _ high: Double, _ low: Double) -> Double {
  if found == high && low == 0 { return 0 }
  return abs((found - high) - low) / max(abs(high), .leastNormalMagnitude).ulp
}
