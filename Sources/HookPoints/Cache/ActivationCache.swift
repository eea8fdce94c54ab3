// ActivationCache: what a run recorded: for each hook its values and which token each row is. Asking for what
// was not recorded is an error, never an empty answer. The engine writes it through ActivationCache+Record.

import TensorCore

/// The activations that one run recorded.
public struct ActivationCache<Scalar: TensorScalar>: Sendable {
  /// The values of one hook.
  enum Record: Sendable {
    /// Rows of tokens, `[rows, …]`, or of sequences; ascending in the batch.
    case rows([RowAddress], Tensor<Scalar>)
    /// Scores or patterns: for each sequence its positions and `[H, positions, keys]`.
    case perSequence([Int: (positions: [Int], values: Tensor<Scalar>)])
  }

  /// The hook points of the model, which also resolves names.
  public let catalog: HookCatalog
  var records: [HookName: Record] = [:]

  /// A cache in which nothing is recorded yet.
  public init(catalog: HookCatalog) { self.catalog = catalog }

  /// The recorded hooks, in firing order.
  public var hooks: [HookName] { records.keys.sorted() }

  /// All rows of a site: `[rows, …]` by ascending row of the batch, or, of scores and patterns, `[H, q, k]`
  /// if only one sequence was recorded.
  ///
  /// - Throws: `HookError.notRecorded`, `.onePerSequence`.
  public subscript<Layout>(site: Site<Layout>) -> Tensor<Scalar> {
    get throws { try tensor(site.name) }
  }

  /// All rows of a hook, as the subscript gives them.
  ///
  /// - Throws: `HookError.notRecorded`, `.onePerSequence`.
  public func tensor(_ hook: HookName) throws -> Tensor<Scalar> {
    switch try record(hook) {
    case .rows(_, let values): return values
    case .perSequence(let all):
      guard all.count == 1, let only = all.values.first else {
        throw HookError.onePerSequence(hook: hook, sequences: all.keys.sorted())
      }
      return only.values
    }
  }

  /// All rows of a hook named in text: a full name or any alias of exactly one hook.
  ///
  /// - Throws: what `HookCatalog.resolve(_:)` and `tensor(_:)` throw, and `HookError.severalHooks`.
  public func tensor(_ text: String) throws -> Tensor<Scalar> {
    let names = try catalog.resolve(text)
    guard names.count == 1 else { throw HookError.severalHooks(text: text, count: names.count) }
    return try tensor(names[0])
  }

  /// The rows of one sequence: `[rows, …]`, or `[H, q, k]` of scores and patterns.
  ///
  /// - Throws: `HookError.notRecorded`, `.notRecordedFor`.
  public func tensor(_ hook: HookName, sequence: Int) throws -> Tensor<Scalar> {
    switch try record(hook) {
    case .perSequence(let all):
      guard let found = all[sequence] else {
        throw HookError.notRecordedFor(hook: hook, sequence: sequence, position: nil)
      }
      return found.values
    case .rows(let addresses, let values):
      let places = addresses.indices.filter { addresses[$0].sequence == sequence }
      guard !places.isEmpty else {
        throw HookError.notRecordedFor(hook: hook, sequence: sequence, position: nil)
      }
      return values.rows(places)
    }
  }

  /// Which token, or sequence, each row is, in the order of the rows; of scores and patterns each query,
  /// sequence by sequence.
  ///
  /// - Throws: `HookError.notRecorded`.
  public func addresses(_ hook: HookName) throws -> [RowAddress] {
    switch try record(hook) {
    case .rows(let addresses, _): return addresses
    case .perSequence(let all):
      return all.sorted { $0.key < $1.key }.flatMap { sequence, found in
        found.positions.map { RowAddress(sequence: sequence, position: $0) }
      }
    }
  }

  /// The recorded tensors with the names they have in an .npz, in firing order: the hook's name, and
  /// `NAME/seq3` for scores and patterns of sequence 3.
  public var arrays: [(name: String, values: Tensor<Scalar>)] {
    records.sorted { $0.key < $1.key }.flatMap { hook, record in
      switch record {
      case .rows(_, let values): return [(hook.description, values)]
      case .perSequence(let all):
        return all.sorted { $0.key < $1.key }.map { ("\(hook)/seq\($0.key)", $0.value.values) }
      }
    }
  }

  func record(_ hook: HookName) throws -> Record {
    if let record = records[hook] { return record }
    _ = try catalog.entry(hook)
    throw HookError.notRecorded(hook: hook, recorded: hooks)
  }
}

extension Tensor {
  /// Some rows of the first axis, `[places, …]`.
  func rows(_ places: [Int]) -> Tensor {
    let width = shape.dropFirst().reduce(1, *)
    var values: [Scalar] = []
    values.reserveCapacity(places.count * width)
    withUnsafeBufferPointer { all in
      for place in places { values += all[place * width..<(place + 1) * width] }
    }
    return Tensor(shape: [places.count] + shape.dropFirst(), values: values)
  }
}
