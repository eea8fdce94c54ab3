// From recorded tensors to the values that interventions take: one token's vector, all rows of a site.

import TensorCore

extension ActivationCache {
  /// The value at one token: the whole row; of scores and patterns all heads one after the other, each over
  /// the keys. Rounded to f32 where the run was in f64.
  ///
  /// - Parameters:
  ///   - site: which hook, with the layout of its values.
  ///   - sequence: the sequence's place in the batch.
  ///   - position: absolute, a shared prefix counted; nil at `attn.hook_ssm_state_initial`.
  /// - Throws: `HookError.notRecorded`, `.notRecordedFor`.
  public func vector<Layout>(
    _ site: Site<Layout>, sequence: Int, position: Int?
  ) throws -> ActivationVector<Layout> {
    ActivationVector(
      try value(site.name, RowAddress(sequence: sequence, position: position)).map { Float($0) })
  }

  /// The values of all recorded rows in the order of `addresses(_:)`, which is the order in which a
  /// replacement of the same rows takes them.
  ///
  /// - Throws: `HookError.notRecorded`.
  public func rows<Layout>(_ site: Site<Layout>) throws -> ActivationRows<Layout> {
    if case .rows(let addresses, let values) = try record(site.name) {
      return ActivationRows(addresses.indices.map { values.rows([$0]).values.map { Float($0) } })
    }
    return ActivationRows(
      try addresses(site.name).map { try value(site.name, $0).map { Float($0) } })
  }

  /// The value of one row.
  ///
  /// - Throws: `HookError.notRecorded`, `.notRecordedFor`.
  public func value(_ hook: HookName, _ address: RowAddress) throws -> [Scalar] {
    let missing = HookError.notRecordedFor(
      hook: hook, sequence: address.sequence, position: address.position)
    switch try record(hook) {
    case .rows(let addresses, let values):
      guard let place = addresses.sortedIndex(of: address) else { throw missing }
      return values.rows([place]).values
    case .perSequence(let all):
      guard let found = all[address.sequence],
        let place = found.positions.firstIndex(where: { $0 == address.position })
      else { throw missing }
      let heads = found.values.shape[0]
      let queries = found.positions.count
      return (0..<heads).flatMap { found.values.row($0 * queries + place) }
    }
  }
}

extension [RowAddress] {
  /// The place of an address in addresses that ascend by sequence and position, as a batch's rows do.
  fileprivate func sortedIndex(of address: RowAddress) -> Int? {
    func key(_ address: RowAddress) -> (Int, Int) { (address.sequence, address.position ?? -1) }
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if key(self[middle]) < key(address) { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low] == address ? low : nil
  }
}
