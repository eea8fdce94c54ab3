// RaggedRows: from sequences and positions to rows of the ragged batch. The rules of selection live here:
// what "all" leaves out silently (a prefix, sequences that join later) and what is an error when named.

/// The rows of a ragged batch.
struct RaggedRows {
  /// A row and where it comes from.
  struct Row: Equatable {
    let row: Int
    let sequence: Int
  }

  let sequences: [SequenceShape]
  private let starts: [Int]

  init(_ sequences: [SequenceShape]) {
    self.sequences = sequences
    var next = 0
    starts = sequences.map { shape in
      defer { next += shape.count }
      return next
    }
  }

  /// The selected rows: sequences in the order in which they are named, positions ascending within each.
  ///
  /// - Throws: a `HookError` for anything named that is not there, and for a selection of nothing.
  func select(
    _ entry: HookCatalog.Entry, _ selector: SequenceSelector, _ positions: PositionSelector,
    what: String
  ) throws -> [Row] {
    let hook = entry.name
    let chosen = try chosenSequences(selector, hook)
    var rows: [Row] = []
    if entry.rowKind == .sequence {
      guard positions == .all else {
        throw HookError.noPositions(hook: hook, selector: positions)
      }
      rows = chosen.map { Row(row: $0, sequence: $0) }
    } else {
      for sequence in chosen {
        let start = starts[sequence] - sequences[sequence].past
        for position in try self.positions(positions, sequence, hook) {
          rows.append(Row(row: start + position, sequence: sequence))
        }
      }
    }
    guard !rows.isEmpty else { throw HookError.selectsNothing(hook: hook, what: what) }
    return rows
  }

  private func chosenSequences(_ selector: SequenceSelector, _ hook: HookName) throws -> [Int] {
    guard let named = selector.named else {
      return sequences.indices.filter { sequences[$0].exists(at: hook) }
    }
    var seen: Set<Int> = []
    for index in named {
      guard sequences.indices.contains(index) else {
        throw HookError.noSequence(hook: hook, sequence: index, sequences: sequences.count)
      }
      guard seen.insert(index).inserted else {
        throw HookError.namedTwice(hook: hook, what: "sequence", index: index)
      }
      guard sequences[index].exists(at: hook) else {
        throw HookError.joinsLater(
          hook: hook, sequence: index, firstLayer: sequences[index].firstLayer)
      }
    }
    return named
  }

  /// Absolute positions of own tokens, ascending.
  private func positions(
    _ selector: PositionSelector, _ sequence: Int, _ hook: HookName
  ) throws -> [Int] {
    let shape = sequences[sequence]
    let found: [Int]
    switch selector {
    case .all: return Array(shape.past..<shape.length)
    case .last: found = shape.length > 0 ? [shape.length - 1] : []
    case .index(let index):
      let position = index < 0 ? shape.length + index : index
      found = (0..<shape.length).contains(position) ? [position] : []
    case .role(let role, let index):
      let all = shape.roles[role] ?? []
      if let index {
        let place = index < 0 ? all.count + index : index
        found = all.indices.contains(place) ? [all[place]] : []
      } else {
        found = all
      }
    }
    guard !found.isEmpty else {
      throw HookError.noPosition(
        hook: hook, sequence: sequence, selector: selector, has: shape.summary)
    }
    if let before = found.first(where: { $0 < shape.past }) {
      throw HookError.inPrefix(
        hook: hook, sequence: sequence, position: before, past: shape.past)
    }
    return found
  }
}
