// VerificationCheck: the promises that a model is held to on the user's own machine, one case each, and what came of
// one. How each is checked is in Verification+Invariances.swift and Verification+Identities.swift.

/// A promise about how a model computes.
public enum VerificationCheck: String, Sendable, CaseIterable {
  // Invariances: the same bits.
  case batching, prefix, resuming, stepwise, threads
  case instructionSets = "instruction_sets"
  case reading, replacing
  // Identities between hook points.
  case residualSums = "residual_sums"
  case logits
  case headSums = "head_sums"
  case recurrence

  /// What is checked, in a few words.
  public var meaning: String {
    switch self {
    case .batching: "batched = alone, in any order"
    case .prefix: "after a shared prefix = the whole prompt"
    case .resuming: "resumed before any block = from the start"
    case .stepwise: "token by token = the whole prompt"
    case .threads: "1 thread = 2 threads = 3 threads"
    case .instructionSets: "every instruction set of this CPU = the plain one"
    case .reading: "every hook read = no hook"
    case .replacing: "every activation replaced by itself = nothing replaced"
    case .residualSums: "resid_pre + attn_out = resid_mid, and so on down the stream"
    case .logits: "logits from the last resid_post = logits"
    case .headSums: "sum of hook_result + bias = attn.hook_out"
    case .recurrence: "read from the state = summed over the effective attention"
    }
  }

  /// How far two sides may be apart, as a share of the largest number; nil where every bit must be the same.
  ///
  /// The sides of the last two are sums in different orders: a few units in the last place of f32, times the square
  /// root of the number of terms.
  public var tolerance: Double? {
    switch self {
    case .headSums, .recurrence: 1e-5
    default: nil
    }
  }
}

/// What came of one check.
public struct VerificationOutcome: Sendable, Equatable {
  /// Whether a promise holds.
  public enum Verdict: Sendable, Equatable {
    case holds
    /// Where it breaks.
    case fails(String)
    /// Why it says nothing of this model or this machine.
    case skipped(String)
  }

  /// What was checked.
  public let check: VerificationCheck
  /// Whether it holds.
  public let verdict: Verdict
  /// The numbers that were compared.
  public let compared: Int
  /// The largest difference as a share of the largest number; nil where bits were compared.
  public let largestError: Double?
}
