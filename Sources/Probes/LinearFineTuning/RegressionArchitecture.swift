// RegressionArchitecture: which model of linear self-attention is pre-trained and fine-tuned.

import TensorCore

/// A model of the probe `linear-finetuning`.
public struct RegressionArchitecture: Sendable, Equatable {
  /// Whether Q is one matrix or W_Qᵀ W_K, each trained.
  public enum Matrices: String, Sendable, CaseIterable { case merged, separate }

  /// Blocks of linear self-attention, without MLPs and norms.
  public var layers: Int
  /// Each with whole matrices; their outputs are averaged.
  public var heads: Int
  /// What of Q is trained.
  public var matrices: Matrices

  init(layers: Int = 1, heads: Int = 1, matrices: Matrices = .merged) {
    self.layers = layers
    self.heads = heads
    self.matrices = matrices
  }

  init(reading reader: inout SpecReader) throws {
    layers = try reader.int("layers", default: 1, in: 1...16)
    heads = try reader.int("heads", default: 1, in: 1...16)
    matrices = try reader.choice(
      "matrices", default: "merged", among: ["merged": .merged, "separate": .separate])
  }

  /// The theory's: one layer, one head, merged matrices. Others have no closed forms.
  var isTheory: Bool { self == RegressionArchitecture() }

  /// The column `model`.
  var name: String {
    isTheory
      ? "linear-self-attention"
      : "linear-self-attention-\(layers)x\(heads)-\(matrices.rawValue)"
  }

  func shape(_ setting: RegressionSetting) -> StackShape {
    StackShape(width: setting.width, layers: layers, heads: heads, reach: .sequence)
  }

  /// Fine-tunings: the paper's six, and with separate matrices queries alone and keys alone.
  var variants: [RegressionVariant] {
    RegressionVariant.fineTunings + (matrices == .separate ? RegressionVariant.halves : [])
  }
}
