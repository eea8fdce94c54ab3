// A row of tokens.csv: one token that an activation decodes to through the unembedding.

/// One token that an activation decodes to. Its properties are columns of `TableSchema.tokens`, which says what they mean.
public struct TokenRow: Sendable, Equatable {
  public var model: String
  public var task: String?
  /// The hook point's name without the layer.
  public var hook: String?
  /// Counted from 0.
  public var layer: Int?
  /// 0 is the token of the greatest logit.
  public var rank: Int
  public var tokenID: Int
  public var token: String
  public var logit: Double?
  public var probability: Double?
  /// The values of the columns that the probe adds.
  public var extra: [TableValue]

  public init(
    model: String, task: String? = nil, hook: String? = nil, layer: Int? = nil, rank: Int,
    tokenID: Int, token: String, logit: Double?, probability: Double?, extra: [TableValue] = []
  ) {
    self.model = model
    self.task = task
    self.hook = hook
    self.layer = layer
    self.rank = rank
    self.tokenID = tokenID
    self.token = token
    self.logit = logit
    self.probability = probability
    self.extra = extra
  }
}

extension TokenRow: TableRow {
  public static var schema: TableSchema { .tokens }

  public func values(of run: RunIdentity) -> [TableValue] {
    [
      .text(run.runID), .text(model), .optional(task), .optional(hook), .optional(layer),
      .integer(rank), .integer(tokenID), .text(token), .real(logit), .real(probability),
    ] + extra
  }

  public init(_ record: TableRecord) throws {
    self.init(
      model: try record.required("model"), task: try record.text("task"),
      hook: try record.text("hook"), layer: try record.integer("layer"),
      rank: try record.required("rank"), tokenID: try record.required("token_id"),
      token: try record.required("token"), logit: try record.real("logit"),
      probability: try record.real("probability"), extra: record.values(behind: Self.schema))
  }
}
