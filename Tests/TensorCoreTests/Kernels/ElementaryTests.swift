// The elementary functions: f64 against mpmath (Tests/Fixtures/elementary), f32 against f64 over a dense
// set of all floats. Bounds in units of the last place.

import CKernels
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ElementaryTests {
  static func functions(_ math: ck_math) -> [String: @Sendable ([Double]) -> Double?] {
    // the functions themselves: pointers are Sendable, the struct around them need not be
    let (exp, log, sin, cos) = (math.exp, math.log, math.sin, math.cos)
    let (tanh, erf, pow, lgamma) = (math.tanh, math.erf, math.pow, math.lgamma)
    return [
      "exp": { exp?($0[0]) }, "log": { log?($0[0]) }, "sin": { sin?($0[0]) },
      "cos": { cos?($0[0]) }, "tanh": { tanh?($0[0]) }, "erf": { erf?($0[0]) },
      "pow": { pow?($0[0], $0[1]) }, "lgamma": { lgamma?($0[0]) },
    ]
  }

  static let hardware: [String: @Sendable ([Double]) -> Double?] = [
    "exp": { ck_exp($0[0]) }, "log": { ck_log($0[0]) }, "sin": { ck_sin($0[0]) },
    "cos": { ck_cos($0[0]) }, "tanh": { ck_tanh($0[0]) }, "erf": { ck_erf($0[0]) },
    "pow": { ck_pow($0[0], $0[1]) }, "lgamma": { ck_lgamma($0[0]) },
  ]

  static func lines(_ path: String) -> [[Substring]] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let n = fread(&buffer, 1, buffer.count, file), n > 0 { bytes += buffer[0..<n] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: " ")
    }
  }

  @Test func f64AgainstMpmath() throws {
    let bounds = [
      "exp": 1.0, "log": 1, "sin": 1, "cos": 1, "tanh": 1.5, "erf": 1, "pow": 1, "lgamma": 45,
    ]
    let portable = Self.functions(ck_math_portable().pointee)
    let lines = Self.lines(fixture("elementary/values.txt"))
    #expect(lines.count > 2500)
    var worst: [String: Double] = [:]
    for line in lines {
      let name = String(line[0])
      let numbers = try line.dropFirst().map { try #require(Double(String($0)), "\($0)") }
      let arguments = Array(numbers.dropLast(2))
      let (high, low) = (numbers[numbers.count - 2], numbers[numbers.count - 1])
      let found = try #require(Self.hardware[name]?(arguments))
      let error = unitsInLastPlace(found, high, low)
      worst[name] = max(worst[name] ?? 0, error.isNaN ? .infinity : error)
      #expect(
        error <= (bounds[name] ?? 0), "\(name)\(arguments): \(found), expected \(high), \(error)")
      #expect(portable[name]?(arguments)?.bitPattern == found.bitPattern, "\(name)\(arguments)")
    }
    #expect(worst.count == bounds.count)
  }

  @Test func specialValues() {
    let (inf, nan) = (Double.infinity, Double.nan)
    #expect(ck_exp(inf) == inf && ck_exp(-inf) == 0 && ck_exp(0) == 1 && ck_exp(nan).isNaN)
    #expect(ck_exp(709.79) == inf && ck_exp(-746) == 0 && ck_exp(-745.1) == .leastNonzeroMagnitude)
    #expect(ck_log(0) == -inf && ck_log(inf) == inf && ck_log(1) == 0)
    #expect(ck_log(-1).isNaN && ck_log(nan).isNaN)
    #expect(ck_sin(-0.0).sign == .minus && ck_sin(inf).isNaN && ck_cos(nan).isNaN && ck_cos(0) == 1)
    #expect(ck_tanh(inf) == 1 && ck_tanh(-inf) == -1 && ck_tanh(nan).isNaN)
    #expect(ck_tanh(-0.0).sign == .minus && ck_tanh(0x1p-1060) == 0x1p-1060)
    #expect(
      ck_erf(inf) == 1 && ck_erf(-7) == -1 && ck_erf(nan).isNaN && ck_erf(-0.0).sign == .minus)
    #expect(ck_lgamma(0) == inf && ck_lgamma(-3) == inf && ck_lgamma(inf) == inf)
    #expect(ck_lgamma(1) == 0 && ck_lgamma(2) == 0 && ck_lgamma(nan).isNaN)
  }

  /// C99, annex F.9.4.4.
  @Test func powersOfSpecialValues() {
    let (inf, nan) = (Double.infinity, Double.nan)
    #expect(ck_pow(1, nan) == 1 && ck_pow(nan, 0) == 1 && ck_pow(nan, 1).isNaN)
    #expect(ck_pow(-1, inf) == 1 && ck_pow(-1, -inf) == 1)
    #expect(ck_pow(0.5, -inf) == inf && ck_pow(2, -inf) == 0 && ck_pow(0.5, inf) == 0)
    #expect(ck_pow(2, inf) == inf)
    #expect(ck_pow(-0.0, -3) == -inf && ck_pow(-0.0, -2) == inf && ck_pow(0, -0.5) == inf)
    #expect(ck_pow(-0.0, 3).sign == .minus && ck_pow(-0.0, 2).sign == .plus)
    #expect(ck_pow(-inf, 3) == -inf && ck_pow(-inf, 2) == inf)
    #expect(ck_pow(-inf, -3).sign == .minus && ck_pow(-inf, -3) == 0 && ck_pow(inf, -1) == 0)
    #expect(ck_pow(-8, 1.0 / 3).isNaN && ck_pow(-2, 3) == -8 && ck_pow(-2, 4) == 16)
    #expect(
      ck_pow(2, 1023) == 0x1p1023 && ck_pow(2, 1024) == inf
        && ck_pow(2, -1074) == .leastNonzeroMagnitude)
    #expect(ck_pow(-2, 0x1p53 + 2) == inf && ck_pow(10, -400) == 0)
    for n in 0...22 { #expect(ck_pow(10, Double(n)) == Double("1e\(n)")) }
  }

  /// Every 4,099th float: over all of them the worst are exp 1.08, tanh 1.40, erf 1.03, logistic 2.41.
  @Test(
    arguments: [
      (CK_EXP, 1.1), (CK_TANH, 1.5), (CK_ERF, 1.1), (CK_SIGMOID, 2.5),
    ] as [(ck_function, Double)])
  func f32AgainstF64(_ function: ck_function, _ bound: Double) {
    let reference: (Double) -> Double =
      switch function {
      case CK_EXP: { ck_exp($0) }
      case CK_TANH: { ck_tanh($0) }
      case CK_ERF: { ck_erf($0) }
      default: { $0 < 0 ? ck_exp($0) / (1 + ck_exp($0)) : 1 / (1 + ck_exp(-$0)) }
      }
    let x = stride(from: UInt32(0), to: .max, by: 4099).map { Float(bitPattern: $0) }
    var y = [Float](repeating: 0, count: x.count)
    KernelTable.best.function?(x.count, function, x, &y)
    var (worst, at) = (0.0, Float(0))
    for (x, y) in zip(x, y) {
      if x.isNaN {
        #expect(y.isNaN)
        continue
      }
      let exact = reference(Double(x))
      if !Float(exact).isFinite || !y.isFinite {
        #expect(y == Float(exact), "\(x)")
        continue
      }
      let unit = max(Float(abs(exact)), .leastNormalMagnitude).ulp
      let error = abs(Double(y) - exact) / Double(unit)
      if !(error <= worst) { (worst, at) = (error, x) }
    }
    #expect(worst <= bound, "at \(at)")
    #expect(worst > 0.5)
  }

  @Test func f32Extremes() {
    let inf = Float.infinity
    let x: [Float] = [inf, -inf, 0, -0.0, 88.7228, 88.7229, -103.972, -103.98, -87.4, 0x1p-133]
    var y = x
    KernelTable.best.function?(x.count, CK_EXP, x, &y)
    #expect(y[0] == inf && y[1] == 0 && y[2] == 1 && y[3] == 1 && y[4].isFinite && y[5] == inf)
    #expect(y[6] == .leastNonzeroMagnitude && y[7] == 0 && y[8].isSubnormal && y[9] == 1)
    KernelTable.best.function?(x.count, CK_TANH, x, &y)
    #expect(y[0] == 1 && y[1] == -1 && y[3].sign == .minus && y[9] == 0x1p-133)
    KernelTable.best.function?(x.count, CK_ERF, x, &y)
    #expect(y[0] == 1 && y[1] == -1 && y[3].sign == .minus && y[4] == 1)
    KernelTable.best.function?(x.count, CK_SIGMOID, x, &y)
    #expect(y[0] == 1 && y[1] == 0 && y[2] == 0.5 && y[8].isSubnormal)
  }
}
