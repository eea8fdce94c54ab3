// A row of results.csv: one observation. The run's id and probe are added as the row is written.

/// What is the same in all rows of a run.
public struct RunIdentity: Sendable, Equatable {
  /// 16 hexadecimal digits.
  public let runID: String
  /// The probe's name.
  public let probe: String

  public init(runID: String, probe: String) {
    self.runID = runID
    self.probe = probe
  }
}

/// One observation: a metric over a set of examples. Its properties are columns of `TableSchema.results`, which says what
/// they mean.
public struct ResultRow: Sendable, Equatable {
  public var model: String
  public var attention: AttentionClass
  public var task: String?
  public var sourceTask: String?
  public var condition: Condition
  public var split: Split?
  public var shots: Int?
  /// The hook point's name without the layer.
  public var hook: String?
  /// Counted from 0, as `head`.
  public var layer: Int?
  public var head: Int?
  /// A role or an index counted from 0.
  public var position: String?
  public var seed: Int?
  public var metric: Metric
  public var estimate: Estimate
  /// The values of the columns that the probe adds.
  public var extra: [TableValue]

  public init(
    model: String, attention: AttentionClass, task: String? = nil, sourceTask: String? = nil,
    condition: Condition, split: Split? = nil, shots: Int? = nil, hook: String? = nil,
    layer: Int? = nil, head: Int? = nil, position: String? = nil, seed: Int? = nil, metric: Metric,
    estimate: Estimate, extra: [TableValue] = []
  ) {
    self.model = model
    self.attention = attention
    self.task = task
    self.sourceTask = sourceTask
    self.condition = condition
    self.split = split
    self.shots = shots
    self.hook = hook
    self.layer = layer
    self.head = head
    self.position = position
    self.seed = seed
    self.metric = metric
    self.estimate = estimate
    self.extra = extra
  }
}

extension ResultRow: TableRow {
  public static var schema: TableSchema { .results }

  public func values(of run: RunIdentity) -> [TableValue] {
    [
      .text(run.runID), .text(run.probe), .text(model), .text(attention.rawValue),
      .optional(task), .optional(sourceTask), .text(condition.rawValue),
      .optional(split?.rawValue), .optional(shots), .optional(hook), .optional(layer),
      .optional(head), .optional(position), .optional(seed), .text(metric.rawValue),
      .real(estimate.value), .real(estimate.interval?.low), .real(estimate.interval?.high),
      .integer(estimate.count),
    ] + extra
  }

  public init(_ record: TableRecord) throws {
    let interval: Interval?
    switch (try record.real("ci_low"), try record.real("ci_high")) {
    case (nil, nil): interval = nil
    case (let low?, let high?) where low <= high: interval = Interval(low: low, high: high)
    default: throw record.wrong("ci_high", expected: "the upper end of an interval with ci_low")
    }
    self.init(
      model: try record.required("model"), attention: try record.name("attention"),
      task: try record.text("task"), sourceTask: try record.text("source_task"),
      condition: try record.name("condition"), split: try record.optionalName("split"),
      shots: try record.integer("shots"), hook: try record.text("hook"),
      layer: try record.integer("layer"), head: try record.integer("head"),
      position: try record.text("position"), seed: try record.integer("seed"),
      metric: try record.name("metric"),
      estimate: Estimate(
        value: try record.real("value"), interval: interval, count: try record.required("n")),
      extra: record.values(behind: Self.schema))
  }
}
