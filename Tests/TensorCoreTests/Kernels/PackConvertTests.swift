// Packing and conversion between element types: exact, or correctly rounded.

import CKernels
import Testing

struct PackConvertTests {
  func convert<A: BitwiseCopyable, B: BitwiseCopyable>(
    _ x: [A], _ from: ck_dtype, to: ck_dtype, _ zero: B
  ) -> [B] {
    var y = [B](repeating: zero, count: x.count)
    ck_convert(x.count, x, from, &y, to)
    return y
  }

  @Test func everyBfloatWidens() {
    let all = (0...UInt16.max).map { $0 }
    let wide = convert(all, CK_BF16, to: CK_F32, Float(0))
    for (bits, x) in zip(all, wide) { #expect(x.bitPattern == UInt32(bits) << 16) }
    let double = convert(all, CK_BF16, to: CK_F64, 0.0)
    for (x, y) in zip(wide, double) { #expect(Double(x) == y || x.isNaN && y.isNaN) }
    let back = convert(wide, CK_F32, to: CK_BF16, UInt16(0))
    for (bits, x) in zip(all, back) where bits & 0x7fff <= 0x7f80 { #expect(bits == x) }
    for (bits, x) in zip(all, back) where bits & 0x7fff > 0x7f80 { #expect(x == bits | 0x40) }
    #expect(convert(double, CK_F64, to: CK_BF16, UInt16(0)) == back)
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func everyHalfWidens() {
      let all = (0...UInt16.max).map { $0 }
      let wide = convert(all, CK_F16, to: CK_F32, Float(0))
      for (bits, x) in zip(all, wide) {
        let expected = Float(Float16(bitPattern: bits))
        #expect(x.bitPattern == expected.bitPattern || x.isNaN && expected.isNaN)
      }
      let back = convert(wide, CK_F32, to: CK_F16, UInt16(0))
      for (bits, x) in zip(all, back) where bits & 0x7fff <= 0x7c00 { #expect(bits == x) }
    }

    @Test func narrowingToHalfRoundsToNearestEven() {
      var draws = Draws(1)
      // random sizes down into the subnormals and beyond the largest; halves between neighbours
      var x: [Double] = (0..<20_000).map { _ in
        draws.value() * Double(sign: .plus, exponent: draws.integer(-28...17), significand: 1)
      }
      for bits in stride(from: UInt16(0), to: 0x7c00, by: 7) {
        let (a, b) = (Double(Float16(bitPattern: bits)), Double(Float16(bitPattern: bits + 1)))
        let middle = b.isFinite ? (a + b) / 2 : 65520
        x += [middle, middle.nextUp, middle.nextDown, -middle]
      }
      let found = convert(x, CK_F64, to: CK_F16, UInt16(0))
      for (x, y) in zip(x, found) { #expect(Float16(x).bitPattern == y, "\(x)") }
      let single = x.map { Float($0) }
      let foundSingle = convert(single, CK_F32, to: CK_F16, UInt16(0))
      for (x, y) in zip(single, foundSingle) { #expect(Float16(x).bitPattern == y, "\(x)") }
    }
  #endif

  @Test func narrowingToBfloatRoundsToNearestEven() {
    let x: [Float] = [
      1, 1.00390625, 1.01171875, 1.0039064, 3.4e38, -.infinity,
      .leastNonzeroMagnitude, -0.0,
    ]
    let found = convert(x, CK_F32, to: CK_BF16, UInt16(0))
    #expect(found == [0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0xff80, 0, 0x8000])
    let double = convert(x.map { Double($0) }, CK_F64, to: CK_BF16, UInt16(0))
    #expect(double == found)
    // from f64 it rounds once: through f32 this would become a tie and go to the even neighbour
    #expect(convert([1.00390625 + 1e-12], CK_F64, to: CK_BF16, UInt16(0)) == [0x3f81])
  }

  @Test func packingPutsEveryElementInItsPlace() {
    for (depth, columns) in [(1, 1), (5, 32), (33, 70), (20, 31)] {
      let b = (0..<depth * columns).map { Float($0 + 1) }
      for transposed in [false, true] {
        let bytes = KernelRuns.packed(b, depth: depth, columns: columns, transposed: transposed)
        let panels = (columns + 31) / 32
        let packed = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        #expect(packed.count == panels * depth * 32)
        for i in packed.indices {
          let (panel, k, column) = (
            i / (depth * 32), i / 32 % depth, i / (depth * 32) * 32 + i % 32
          )
          let expected =
            column >= columns ? 0 : transposed ? b[column * depth + k] : b[k * columns + column]
          #expect(packed[i] == expected, "panel \(panel), k \(k), column \(column)")
        }
      }
    }
  }

  @Test func packingMayBeCutByPanels() {
    let (depth, columns) = (40, 100)
    var draws = Draws(2)
    let b: [Float] = draws.values(depth * columns)
    var cut = [Float](repeating: .nan, count: 4 * depth * 32)
    for (from, to) in [(2, 4), (0, 1), (1, 2)] {
      ck_pack(depth, columns, b, CK_F32, 1, depth, from, to, &cut)
    }
    let whole = KernelRuns.packed(b, depth: depth, columns: columns)
    #expect(whole == cut.withUnsafeBytes { Array($0) })
  }
}
