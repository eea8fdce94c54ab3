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
  private let panelBytes: Int
  private let bytes: Int
  private let hasOwnPages: Bool

  var panelCount: Int { (columns + Int(CK_PANEL) - 1) / Int(CK_PANEL) }

  /// Room for a matrix whose source is of `type`; `fill` fills it.
  ///
  /// - Parameter stays: whether it is a weight, which lives as long as the model, in pages of its own.
  init(
    depth: Int, columns: Int, type: ElementType, precision: Precision = .f32, stays: Bool
  ) {
    self.depth = depth
    self.columns = columns
    format = precision == .bf16 ? .roundedPairs : .elements(type)
    panelBytes =
      switch format {
      case .elements(let type): depth * Int(CK_PANEL) * type.size
      case .roundedPairs: (depth + 1) / 2 * Int(CK_PANEL) * 2 * ElementType.bfloat16.size
      }
    let bytes = max(1, (columns + Int(CK_PANEL) - 1) / Int(CK_PANEL) * panelBytes)
    hasOwnPages = stays && bytes >= 1 << 18
    guard let memory = hasOwnPages ? ck_map_pages(bytes) : ck_allocate(bytes) else {
      fatalError("no memory for a matrix of \(bytes) bytes")
    }
    base = memory
    self.bytes = bytes
    if hasOwnPages { ck_prefer_large_pages(base, bytes) }
  }

  /// Packs b(k, n) = source[k · depthStride + n · columnStride] into the panels from `first` on.
  ///
  /// - Parameter columns: how many from there; all by default.
  func fill(
    panelsFrom first: Int = 0, columns count: Int? = nil, source: UnsafeRawPointer,
    type: ElementType, depthStride: Int, columnStride: Int, on context: ComputeContext
  ) {
    let count = count ?? columns
    let panels = (count + Int(CK_PANEL) - 1) / Int(CK_PANEL)
    precondition(first + panels <= panelCount, "panels \(first) + \(panels) of \(panelCount)")
    let target = base + first * panelBytes
    context.parallelRanges(panels, cost: panels * depth * Int(CK_PANEL)) { range in
      switch format {
      case .elements:
        ck_pack(
          depth, count, source, type.code, depthStride, columnStride, range.lowerBound,
          range.upperBound, target)
      case .roundedPairs:
        ck_pack_bf16(
          depth, count, source, type.code, depthStride, columnStride, range.lowerBound,
          range.upperBound, target.assumingMemoryBound(to: UInt16.self))
      }
    }
  }

  deinit {
    if hasOwnPages { ck_unmap_pages(base, bytes) } else { ck_deallocate(base) }
  }
}
