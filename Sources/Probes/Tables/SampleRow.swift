// A row of samples.csv: one example under one condition.

/// One example under one condition. Its properties are columns of `TableSchema.samples`, which says what they mean.
public struct SampleRow: Sendable, Equatable {
  public var model: String
  public var attention: AttentionClass
  public var task: String?
  public var condition: Condition
  public var split: Split?
  public var shots: Int?
  /// The hook point's name without the layer.
  public var hook: String?
  /// Counted from 0.
  public var layer: Int?
  /// A role or an index counted from 0.
  public var position: String?
  public var seed: Int?
  /// The same number is the same example under every condition.
  public var example: Int
  public var query: String
  public var target: String
  public var prediction: String?
  public var correct: Bool?
  /// How many tokens have a greater logit than the target's first.
  public var targetRank: Int?
  /// In nats.
  public var targetLogProbability: Double?
  public var logitDifference: Double?
  /// 64 hexadecimal digits.
  public var promptSHA256: String
  /// The values of the columns that the probe adds.
  public var extra: [TableValue]

  public init(
    model: String, attention: AttentionClass, task: String? = nil, condition: Condition,
    split: Split? = nil, shots: Int? = nil, hook: String? = nil, layer: Int? = nil,
    position: String? = nil, seed: Int? = nil, example: Int, query: String, target: String,
    prediction: String? = nil, correct: Bool? = nil, targetRank: Int? = nil,
    targetLogProbability: Double? = nil, logitDifference: Double? = nil, promptSHA256: String,
    extra: [TableValue] = []
  ) {
    self.model = model
    self.attention = attention
    self.task = task
    self.condition = condition
    self.split = split
    self.shots = shots
    self.hook = hook
    self.layer = layer
    self.position = position
    self.seed = seed
    self.example = example
    self.query = query
    self.target = target
    self.prediction = prediction
    self.correct = correct
    self.targetRank = targetRank
    self.targetLogProbability = targetLogProbability
    self.logitDifference = logitDifference
    self.promptSHA256 = promptSHA256
    self.extra = extra
  }
}

extension SampleRow: TableRow {
  public static var schema: TableSchema { .samples }

  public func values(of run: RunIdentity) -> [TableValue] {
    [
      .text(run.runID), .text(run.probe), .text(model), .text(attention.rawValue),
      .optional(task), .text(condition.rawValue), .optional(split?.rawValue), .optional(shots),
      .optional(hook), .optional(layer), .optional(position), .optional(seed), .integer(example),
      .text(query), .text(target), .optional(prediction), correct.map { .truth($0) } ?? .empty,
      .optional(targetRank), .real(targetLogProbability), .real(logitDifference),
      .text(promptSHA256),
    ] + extra
  }

  public init(_ record: TableRecord) throws {
    self.init(
      model: try record.required("model"), attention: try record.name("attention"),
      task: try record.text("task"), condition: try record.name("condition"),
      split: try record.optionalName("split"), shots: try record.integer("shots"),
      hook: try record.text("hook"), layer: try record.integer("layer"),
      position: try record.text("position"), seed: try record.integer("seed"),
      example: try record.required("example"), query: try record.required("query"),
      target: try record.required("target"), prediction: try record.text("prediction"),
      correct: try record.integer("correct").map { $0 == 1 },
      targetRank: try record.integer("target_rank"),
      targetLogProbability: try record.real("target_logprob"),
      logitDifference: try record.real("logit_diff"),
      promptSHA256: try record.required("prompt_sha256"),
      extra: record.values(behind: Self.schema))
  }
}
