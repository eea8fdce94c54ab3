// Stages: what several cells of a run rest on, such as the effects of a model's heads over all tasks. A stage is computed
// when the first cell needs it, and the journal keeps it: a run that is resumed finds it there. Shards do not know of each
// other, so each computes the stages that its own cells need.

import CheckpointIO

/// The finished stages of a run.
public final class Stages {
  private var journal: Journal?
  /// The record of each, by name.
  private var records: [String: Int] = [:]
  private var check: () throws -> Void = {}

  public init() {}

  /// A stage's result: what the journal keeps of it, or what `compute` makes, which the journal keeps from then on.
  /// Without a journal, such as in a rehearsal, it is computed every time.
  public func result(_ name: String, _ compute: () throws -> JSON) throws -> JSON {
    if let journal, let record = records[name],
      case .stage(_, let result) = try JournalEntry(
        journal.contents(of: record), file: journal.path
      ).kind
    {
      return result
    }
    let result = try compute()
    if let journal {
      try check()
      try journal.append(JournalEntry.bytes(stage: name, result))
      records[name] = journal.records.count - 1
    }
    return result
  }

  /// Lets results be kept in a journal.
  ///
  /// - Parameters:
  ///   - records: those that are in it, by name.
  ///   - check: throws where a result is not to be believed.
  func open(
    _ journal: Journal?, _ records: [String: Int] = [:],
    check: @escaping () throws -> Void = {}
  ) {
    (self.journal, self.records, self.check) = (journal, records, check)
  }

  func close() { open(nil) }
}
