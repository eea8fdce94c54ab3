// MeasuredHeads: what one model's heads do on one task, in a form that the journal keeps: every double comes back as it was.

import CheckpointIO

/// The heads of one task.
struct MeasuredHeads {
  let task: String
  let means: HeadMeans
  /// By prompt, in the order of `allHeads`; none where no prompt was answered rightly.
  let effects: [[Double]]
  /// The query of each prompt.
  let queries: [String]
  let notes: CellNotes
}

extension MeasuredHeads {
  var json: JSON {
    [
      "task": .string(task), "means": means.json, "effects": JSON(effects),
      "queries": .array(queries.map { .string($0) }), "notes": notes.json,
    ]
  }

  init?(_ json: JSON) {
    guard let task = json["task"]?.stringValue, let means = json["means"].flatMap(HeadMeans.init),
      let effects = json["effects"]?.matrix,
      let queries = json["queries"]?.arrayValue?.compactMap(\.stringValue),
      let notes = json["notes"].flatMap({ CellNotes($0) })
    else { return nil }
    self.init(task: task, means: means, effects: effects, queries: queries, notes: notes)
  }
}

extension JSON {
  /// Rows of numbers; what is not finite becomes null.
  init(_ rows: [[Double]]) {
    self = .array(rows.map { .array($0.map { .number($0) }) })
  }

  /// Rows of numbers, NaN for null; nil for anything else.
  var matrix: [[Double]]? {
    arrayValue.flatMap { rows in
      let found = rows.compactMap { $0.arrayValue?.map { $0.doubleValue ?? .nan } }
      return found.count == rows.count ? found : nil
    }
  }
}
