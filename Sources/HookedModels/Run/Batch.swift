// Batch: sequences of different lengths, concatenated. There is no padding and no mask for length.

import HookPoints
import TensorCore

/// One sequence of a batch.
public struct BatchSequence<Scalar: TensorScalar>: Sendable {
  /// Where a sequence's rows come from.
  public enum Entry: Sendable {
    /// Its tokens, through the embedding.
    case tokens([Int32])
    /// The residual stream `[n, D]` before block `layer`: the sequence joins the batch there. Layer 0 takes
    /// embeddings given directly, which pass `hook_embed`.
    case residual(Tensor<Scalar>, layer: Int)
  }

  /// Where its rows come from.
  public var entry: Entry
  /// What its tokens see before themselves.
  public var prefix: Prefix<Scalar>?
  /// Absolute positions (the prefix counts) by role, for plans that address positions by role.
  public var roles: [Role: [Int]]

  public init(_ entry: Entry, after prefix: Prefix<Scalar>? = nil, roles: [Role: [Int]] = [:]) {
    self.entry = entry
    self.prefix = prefix
    self.roles = roles
  }

  /// A sequence that enters through the embedding.
  public init(tokens: [Int], after prefix: Prefix<Scalar>? = nil, roles: [Role: [Int]] = [:]) {
    // An id beyond 32 bits is beyond any vocabulary, which the run then says.
    self.init(.tokens(tokens.map { Int32(clamping: $0) }), after: prefix, roles: roles)
  }

  /// Its own rows, without the prefix.
  public var count: Int {
    switch entry {
    case .tokens(let tokens): tokens.count
    case .residual(let residual, _): residual.shape[0]
    }
  }

  var firstLayer: Int {
    if case .residual(_, let layer) = entry { layer } else { 0 }
  }

  /// Its extent, for resolving a plan.
  public var shape: SequenceShape {
    SequenceShape(past: prefix?.count ?? 0, count: count, firstLayer: firstLayer, roles: roles)
  }
}

/// A position of a sequence of the batch; absolute, so that a prefix's tokens count.
public struct BatchPosition: Sendable, Hashable {
  /// The sequence's place in the batch.
  public let sequence: Int
  /// Counted from 0; a prefix's tokens count.
  public let position: Int

  public init(sequence: Int, position: Int) {
    self.sequence = sequence
    self.position = position
  }
}

/// Which positions go through the unembedding.
public enum LogitPositions: Sendable {
  case none
  /// The last of each sequence.
  case last
  case all
  case at([BatchPosition])
}

/// The order in which rows lie in memory: sequences that join later come later, so that the rows active at a
/// layer are always the first ones.
struct BatchOrder<Scalar: TensorScalar> {
  struct Member {
    let sequence: BatchSequence<Scalar>
    let index: Int  // in the caller's order
    let start: Int  // row in memory
    let past: Int
  }

  let members: [Member]
  /// Row in memory of each row in the caller's order.
  let rowOf: [Int]
  /// The inverse: the row in the caller's order of each row in memory.
  let callerRow: [Int]
  /// First row in the caller's order of each sequence, in the caller's order.
  let callerStart: [Int]
  private let past: [Int]

  init(_ sequences: [BatchSequence<Scalar>]) {
    past = sequences.map { $0.prefix?.count ?? 0 }
    callerStart = sequences.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    let order = sequences.indices.sorted {
      (Self.rank(sequences[$0]), $0) < (Self.rank(sequences[$1]), $1)
    }
    var rowOf = Array(repeating: 0, count: callerStart[sequences.count])
    var members: [Member] = []
    var start = 0
    for index in order {
      let sequence = sequences[index]
      members.append(
        Member(sequence: sequence, index: index, start: start, past: past[index]))
      for offset in 0..<sequence.count { rowOf[callerStart[index] + offset] = start + offset }
      start += sequence.count
    }
    self.members = members
    self.rowOf = rowOf
    var callerRow = rowOf
    for (caller, row) in rowOf.enumerated() { callerRow[row] = caller }
    self.callerRow = callerRow
  }

  private static func rank(_ sequence: BatchSequence<Scalar>) -> Int {
    if case .tokens = sequence.entry { -1 } else { sequence.firstLayer }
  }

  /// The row in memory of a position, or nil if the batch has no such row.
  func row(_ place: BatchPosition) -> Int? {
    guard place.sequence >= 0, place.sequence < callerStart.count - 1 else { return nil }
    let start = callerStart[place.sequence]
    let offset = place.position - past[place.sequence]
    guard offset >= 0, offset < callerStart[place.sequence + 1] - start else { return nil }
    return rowOf[start + offset]
  }

  /// Rows in memory, ascending, each once: those given and all of sequences that join at `layer` or later.
  func rows(_ given: [Int], andFrom layer: Int) -> [Int] {
    let joining = members.filter { $0.sequence.firstLayer >= layer }
      .flatMap { $0.start..<$0.start + $0.sequence.count }
    return Set(given + joining).sorted()
  }
}
