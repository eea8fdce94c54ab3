// ProductBench: the matrix product with cold weights, as a model runs it: every call has a weight that no cache holds.

import Probes
import TensorCore

struct ProductBench {
  let context: ComputeContext
  let yardstick: Yardstick

  static let rows = [1, 8, 32, 64, 256]
  /// (depth, columns): GPT-2 small's MLP, a 1.4 B and a 7 B model's, a vocabulary of Qwen's size.
  static let shapes = [
    (768, 3072), (3072, 768), (2048, 8192), (4096, 11008), (11008, 4096), (1024, 151_936),
  ]

  /// GFLOP/s, share of the peak and GB/s of weights by number of rows.
  func table(of type: ElementType, shapes: [(depth: Int, columns: Int)]) -> TextTable {
    var table = TextTable(
      headers: ["depth", "columns", "weights", "rows", "GFLOP/s", "% of peak", "GB/s", "% of read"])
    for (depth, columns) in shapes {
      let weights = coldWeights(depth: depth, columns: columns, type: type)
      for rows in Self.rows {
        var generator = SeededGenerator(key: "activations", seed: 1)
        let x = Variable(
          Tensor<Float>(
            shape: [rows, depth],
            values: (0..<rows * depth).map { _ in Float(generator.uniform()) - 0.5 }))
        let ops = Operations<Float>(context)
        var next = 0
        let time = Stopwatch {
          _ = ops.linear(x, weight: weights[next])
          next = (next + 1) % weights.count
        }.median
        let rate = 2 * Double(rows * depth) * Double(columns) / time
        let bandwidth = Double(depth * columns * type.size) / time
        table.append([
          "\(depth)", "\(columns)", type.rawValue, "\(rows)",
          TextTable.number(rate / 1e9, decimals: 0),
          TextTable.number(100 * rate / yardstick.floatingPointPerSecond, decimals: 0),
          TextTable.number(bandwidth / 1e9, decimals: 1),
          TextTable.number(100 * bandwidth / yardstick.bytesPerSecond, decimals: 0),
        ])
      }
    }
    return table
  }

  /// As many packed copies of one matrix as caches cannot hold.
  private func coldWeights(depth: Int, columns: Int, type: ElementType) -> [Parameter<Float>] {
    let count = depth * columns
    // Bits of ordinary numbers: exponents around one, mantissas that differ.
    let elements: [UInt8] =
      switch type {
      case .float32:
        (0..<count).map { Float($0 &* 2_654_435_761 % 1024) / 1024 - 0.5 }
          .withUnsafeBytes(Array.init)
      default:
        (0..<count).map { UInt16(truncatingIfNeeded: 0x3C00 | $0 & 0x817F) }
          .withUnsafeBytes(Array.init)
      }
    let copies = 1 + 1_000_000_000 / (count * type.size)
    return (0..<copies).map { _ in
      let weight = Parameter<Float>(
        name: "weight", shape: [columns, depth],
        stored: StoredElements(
          elementType: type, rowStride: depth, columnStride: 1,
          access: { rows, body in
            elements.withUnsafeBytes { bytes in
              if let base = bytes.baseAddress { body(base + rows.lowerBound * depth * type.size) }
            }
          }))
      weight.prepare(on: context)
      return weight
    }
  }
}
