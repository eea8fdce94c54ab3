// How far a run is, as numbers; ProgressLine makes a line of them.

/// How far a run is.
public struct RunProgress: Sendable, Equatable {
  /// Cells that are done, those of earlier sessions included.
  public let finished: Int
  /// Cells that were done when this session began.
  public let resumed: Int
  /// All cells of the run, or of its shard.
  public let total: Int
  /// The share of all cost that is done, from 0 to 1.
  public let share: Double
  /// Seconds of work in this session.
  public let elapsed: Double
  /// Seconds until the end at this session's pace; `nil` before its first cell is done.
  public let remaining: Double?

  /// - Parameters:
  ///   - costBefore: the cost of the cells of earlier sessions.
  ///   - costNow: that of this session's finished cells.
  package init(
    finished: Int, resumed: Int, total: Int, costBefore: Double, costNow: Double,
    costTotal: Double, elapsed: Double
  ) {
    self.finished = finished
    self.resumed = resumed
    self.total = total
    self.elapsed = elapsed
    share = costTotal > 0 ? min(1, (costBefore + costNow) / costTotal) : 1
    remaining =
      costNow > 0 ? max(0, costTotal - costBefore - costNow) * elapsed / costNow : nil
  }
}
