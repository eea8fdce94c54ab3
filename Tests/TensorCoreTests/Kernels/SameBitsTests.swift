// The module's law: a kernel's bits do not depend on the instruction set, nor on how the f64 path was
// compiled.

import CKernels
import Testing

struct SameBitsTests {
  @Test(arguments: KernelTable.f32)
  func everyEntryOfATableIsThere(_ table: KernelTable) {
    withUnsafeBytes(of: table.kernels) { bytes in
      // two small fields, then function pointers only
      let words = bytes.bindMemory(to: UInt.self).dropFirst(2)
      #expect(words.count == 40)
      #expect(words.allSatisfy { $0 != 0 })
    }
  }

  @Test func thisProcessorsTablesAreTheAvailableOnes() {
    let available = [CK_PORTABLE, CK_AVX2, CK_AVX512, CK_NEON].filter { ck_isa_available($0) }
    #expect(KernelTable.f32.map(\.kernels.isa) == available)
    #expect(available.contains(ck_best_isa()))
    #expect(KernelTable.f32.allSatisfy { $0.kernels.element_size == 4 })
    #expect(KernelTable.f64.element_size == 8)
  }

  @Test(arguments: KernelTable.f32.dropFirst())
  func everyInstructionSetGivesThePortableBits(_ table: KernelTable) {
    for run in KernelRuns<Float>.all {
      for n in Array(1...70) + [96, 127, 160, 257] {
        let expected = run.run(KernelTable.portable.kernels, n)
        expectSameBits(run.run(table.kernels, n), expected, "\(run.name), n \(n)")
        if n % 8 == 0 { #expect(expected.contains { $0 != 0 }) }
      }
    }
  }

  @Test func theF64TableGivesItsPortableBits() {
    for run in KernelRuns<Double>.all {
      for n in Array(1...40) + [96, 127] {
        expectSameBits(
          run.run(KernelTable.f64, n), run.run(ck_f64_portable().pointee, n), "\(run.name), n \(n)")
      }
    }
  }

  /// What the comparison above would say of a kernel that sums in another order.
  @Test func theComparisonSeesOneBit() {
    let x: [Float] = [1, 2, 3]
    var y = x
    y[1] = x[1].nextUp
    #expect(firstDifference(x, y) == 1)
    #expect(firstDifference([Float](), [0]) == 0)
    #expect(firstDifference([Float(0)], [-0.0]) == 0)
  }
}
