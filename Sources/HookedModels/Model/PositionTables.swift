// PositionTables: what positions turn or add, tabulated as far as any sequence so far has needed.

import CKernels
import Synchronization
import TensorCore

/// The tables of one architecture.
struct PositionTables<Scalar: TensorScalar>: Sendable {
  /// One for each way that layers turn their heads.
  private let rotary: [Rotary: GrowingTable<RotaryTable<Scalar>>]
  /// `[positions, D]`; nil where no computed vector is added.
  private let sinusoidal: GrowingTable<Tensor<Scalar>>?

  init(_ architecture: Architecture) {
    let turns = Set((0..<architecture.layers).compactMap { architecture.attentionShape($0).rotary })
    rotary = Dictionary(uniqueKeysWithValues: turns.map { ($0, Self.table($0)) })
    guard case .sinusoidal(let offset) = architecture.positions else {
      sinusoidal = nil
      return
    }
    let width = architecture.modelWidth
    sinusoidal = GrowingTable { Self.sinusoids(positions: $0, offset: offset, width: width) }
  }

  /// - Parameter rotary: how a layer of the architecture turns.
  func rotary(_ rotary: Rotary, positions: Int) -> RotaryTable<Scalar> {
    (self.rotary[rotary] ?? Self.table(rotary)).table(positions: positions)
  }

  private static func table(_ rotary: Rotary) -> GrowingTable<RotaryTable<Scalar>> {
    GrowingTable {
      RotaryTable(
        frequencies: rotary.frequencies, positions: $0, interleaved: rotary.interleaved,
        amplitude: rotary.amplitude)
    }
  }

  func sinusoidal(positions: Int) -> Tensor<Scalar>? { sinusoidal?.table(positions: positions) }

  private static func sinusoids(positions: Int, offset: Int, width: Int) -> Tensor<Scalar> {
    let half = width / 2
    let frequencies = (0..<half).map { ck_exp(-Double($0) * ck_log(10000) / Double(half - 1)) }
    let values = (offset..<offset + positions).flatMap { position in
      let angles = frequencies.map { Double(position) * $0 }
      return angles.map { Scalar(ck_sin($0)) } + angles.map { Scalar(ck_cos($0)) }
    }
    return Tensor(shape: [positions, width], values: values)
  }
}

/// A table by position that is made anew, longer, when a position beyond its end is asked for.
private final class GrowingTable<Table: Sendable>: Sendable {
  private let make: @Sendable (Int) -> Table
  private let current = Mutex<(table: Table, positions: Int)?>(nil)

  init(_ make: @escaping @Sendable (Int) -> Table) { self.make = make }

  func table(positions: Int) -> Table {
    current.withLock { current in
      if let current, current.positions >= positions { return current.table }
      var length = 64
      while length < positions { length *= 2 }
      let made = make(length)
      current = (made, length)
      return made
    }
  }
}
