// PackedMatrix: the right-hand side of a matrix product in the layout the kernel reads: panels of 32 columns.

import CKernels

/// A matrix packed as [⌈columns / 32⌉][depth][32], in the element type it was stored in.
package final class PackedMatrix: @unchecked Sendable {
  package enum Direction { case forward, backward }

  package let depth: Int
  package let columns: Int
  package let elementType: ElementType
  let base: UnsafeMutableRawPointer

  var panelCount: Int { (columns + Int(CK_PANEL) - 1) / Int(CK_PANEL) }

  /// Packs b(k, n) = source[k · depthStride + n · columnStride].
  init(
    depth: Int, columns: Int, source: UnsafeRawPointer, type: ElementType, depthStride: Int,
    columnStride: Int, on context: ComputeContext
  ) {
    self.depth = depth
    self.columns = columns
    elementType = type
    let panels = (columns + Int(CK_PANEL) - 1) / Int(CK_PANEL)
    let bytes = max(1, panels * depth * Int(CK_PANEL)) * type.size
    base = .allocate(byteCount: bytes, alignment: 64)
    ck_prefer_large_pages(base, bytes)
    let target = base
    context.parallelRanges(panels, cost: panels * depth * Int(CK_PANEL)) { range in
      ck_pack(
        depth, columns, source, type.code, depthStride, columnStride, range.lowerBound,
        range.upperBound, target)
    }
  }

  deinit { base.deallocate() }
}
