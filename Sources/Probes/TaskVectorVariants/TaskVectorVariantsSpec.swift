// TaskVectorVariantsSpec: what a probe file of `task-vector-variants` says: in which ways θ is made, put in, and where.

/// The settings of the probe `task-vector-variants`.
@dynamicMemberLookup
public struct TaskVectorVariantsSpec: Sendable, Equatable {
  /// A way to make θ or to use it.
  public enum Variant: String, Sendable, CaseIterable {
    /// θ(S), the mean over dummy queries, in place of the last token's residual (Hendel et al.).
    case replace
    /// θ(S) added, scaled.
    case add
    /// The mean of θ over the other demonstration sets in which the query is neither shown nor a dummy; θ(S) where there
    /// is none.
    case meanContext = "mean_context"
    /// The mean of the residuals at all arrows of S.
    case stateAverage = "state_average"
    /// The last arrow's residual moved on by the decaying sum of the steps from arrow to arrow.
    case stateMomentum = "state_momentum"
    /// The mean residual over all tokens.
    case meanHidden = "mean_hidden"
    /// One vector at the last arrow of an N-shot prompt.
    case inContext = "in_context"
    /// N + 1 vectors, one at every arrow of an N-shot prompt (TaskV-M).
    case everyArrow = "every_arrow"
    /// Layer by position, from the last token backwards, one position at a time and all up to it at once.
    case positions
    /// Linear attention: the state of S at one layer, or at all of them cut down to a rank.
    case state
  }

  /// Models, tasks and prompts.
  public var prompting: PromptingSpec
  /// Which of them are run.
  public var variants: [Variant]
  /// What added vectors are multiplied by; each gives rows of its own.
  public var scales: [Double]
  /// Where vectors are added: at every token of the query, or at the last.
  public var addEverywhere: [Bool]
  /// What `stateMomentum` keeps of the sum of earlier steps at each arrow.
  public var momentum: Double
  /// Positions from the end, for `positions`.
  public var positionCount: Int
  /// Further numbers of demonstrations that θ is made from.
  public var shotCounts: [Int]
  /// Further numbers of dummy queries that θ is the mean over.
  public var dummyCounts: [Int]
  /// How many orders of the same demonstrations are tried.
  public var orders: Int
  /// What recurrent states are cut down to.
  public var ranks: [Int]

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension TaskVectorVariantsSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader)
    let names = Variant.allCases.map(\.rawValue)
    let chosen = try reader.strings("variants", default: names, canBeEmpty: true)
    variants = try chosen.map { name in
      guard let variant = Variant(rawValue: name) else {
        throw reader.wrong(
          "variants", "'\(name)' is none of " + names.joined(separator: ", "))
      }
      return variant
    }
    scales = try reader.doubles("scales", default: [1, 2], in: -100...100)
    addEverywhere = try reader.choices(
      "add_at", default: ["last"], among: ["last": false, "all": true])
    momentum = try reader.double("momentum", default: 0.5, in: 0...0.999)
    positionCount = try reader.int("positions", default: 3, in: 1...1000)
    shotCounts = try reader.ints("shot_counts", default: [], in: 1...1000)
    dummyCounts = try reader.ints("dummy_counts", default: [], in: 1...1000)
    orders = try reader.int("orders", default: 0, in: 0...1000)
    ranks = try reader.ints("ranks", default: [1, 2, 4], in: 1...100_000, canBeEmpty: true)
  }
}
