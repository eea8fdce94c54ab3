// PackedMatrix: the right-hand side of a matrix product in the layout the kernel reads: panels of 32 columns.

import CKernels

/// A matrix packed as [⌈columns / 32⌉][panel], each panel as its format says.
package final class PackedMatrix: @unchecked Sendable {
  package enum Direction { case forward, backward }

  package let depth: Int
  package let columns: Int
  /// What a panel holds.
  enum Format: Equatable {
    /// [depth][32] in the source's type.
    case elements(ElementType)
    /// [⌈depth / 2⌉][32][2], rounded to bf16, for products in bf16.
    case roundedPairs
  }
  let format: Format
  let base: UnsafeMutableRawPointer

  var panelCount: Int { (columns + Int(CK_PANEL) - 1) / Int(CK_PANEL) }

  /// Packs b(k, n) = source[k · depthStride + n · columnStride].
  init(
    depth: Int, columns: Int, source: UnsafeRawPointer, type: ElementType, depthStride: Int,
    columnStride: Int, precision: Precision = .f32, on context: ComputeContext
  ) {
    self.depth = depth
    self.columns = columns
    format = precision == .bf16 ? .roundedPairs : .elements(type)
    let panels = (columns + Int(CK_PANEL) - 1) / Int(CK_PANEL)
    let perPanel =
      switch precision {
      case .f32: depth * Int(CK_PANEL) * type.size
      case .bf16: (depth + 1) / 2 * Int(CK_PANEL) * 2 * ElementType.bfloat16.size
      }
    let bytes = max(1, panels * perPanel)
    base = .allocate(byteCount: bytes, alignment: 64)
    ck_prefer_large_pages(base, bytes)
    let target = base
    context.parallelRanges(panels, cost: panels * depth * Int(CK_PANEL)) { range in
      switch precision {
      case .f32:
        ck_pack(
          depth, columns, source, type.code, depthStride, columnStride, range.lowerBound,
          range.upperBound, target)
      case .bf16:
        ck_pack_bf16(
          depth, columns, source, type.code, depthStride, columnStride, range.lowerBound,
          range.upperBound, target.assumingMemoryBound(to: UInt16.self))
      }
    }
  }

  deinit { base.deallocate() }
}
