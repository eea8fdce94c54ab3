// The members of a JSON object: in the order of the file, found by key in constant time.
// Made for vocabularies of a quarter of a million keys: two arrays and a table of 32-bit positions.
// Keys are hashed and compared by their bytes (see JSON.swift), with the process's random hash seed, so
// that a file cannot be written to collide. The order never comes from the table.

/// Keys and values in order, each key once.
public struct JSONObject: Sendable {
  /// The keys, in the order of the file, or in that of first assignment.
  public private(set) var keys: [String]
  /// The values, in the order of `keys`.
  public private(set) var values: [JSON]
  /// Open addressing with linear probing: 1 + the position of a key, 0 where nothing is. Empty while
  /// there are few keys, which are searched one by one.
  private var slots: [Int32]

  private static let fewKeys = 8

  /// Without members.
  public init() {
    keys = []
    values = []
    slots = []
  }

  /// Precondition: no key comes twice.
  public init(_ members: some Sequence<(String, JSON)>) {
    self.init()
    for (key, value) in members {
      precondition(position(of: key) == nil, "the key \(Excerpt.quoted(key)) comes twice")
      append(key, value)
    }
  }

  /// Takes members as they come from a file, unless `repeated` (a position in `keys`) comes twice.
  init(keys: [String], values: [JSON], repeated: inout Int?) {
    precondition(keys.count == values.count && keys.count < Int(Int32.max))
    self.keys = keys
    self.values = values
    slots = []
    if keys.count > Self.fewKeys {
      repeated = makeSlots(for: keys.count)
    } else {
      repeated = keys.indices.first { later in
        keys[..<later].contains { $0.hasSameBytes(as: keys[later]) }
      }
    }
  }

  /// Members.
  public var count: Int { keys.count }
  /// Whether there is no member.
  public var isEmpty: Bool { keys.isEmpty }

  /// The value under `key`. A new key goes to the end; assigning nil removes.
  public subscript(key: String) -> JSON? {
    get { position(of: key).map { values[$0] } }
    set {
      switch (position(of: key), newValue) {
      case (let position?, let value?): values[position] = value
      case (nil, let value?): append(key, value)
      case (let position?, nil):
        keys.remove(at: position)
        values.remove(at: position)
        if !slots.isEmpty { makeSlots(for: keys.count) }
      case (nil, nil): break
      }
    }
  }

  /// Where `key` stands in `keys`.
  public func position(of key: String) -> Int? {
    guard !slots.isEmpty else { return keys.firstIndex { $0.hasSameBytes(as: key) } }
    let slot = slots[self.slot(of: key)]
    return slot == 0 ? nil : Int(slot) - 1
  }

  private mutating func append(_ key: String, _ value: JSON) {
    precondition(keys.count < Int(Int32.max) - 1)
    keys.append(key)
    values.append(value)
    if keys.count > Self.fewKeys {
      if keys.count * 2 > slots.count {
        makeSlots(for: keys.count * 2)
      } else {
        slots[slot(of: key)] = Int32(keys.count)
      }
    }
  }

  /// The slot that holds `key`, or the empty one where it belongs.
  private func slot(of key: String) -> Int {
    slots.withUnsafeBufferPointer { slots in
      let mask = slots.count - 1
      var slot = Self.hash(key) & mask
      while slots[slot] != 0, !keys[Int(slots[slot]) - 1].hasSameBytes(as: key) {
        slot = (slot + 1) & mask
      }
      return slot
    }
  }

  /// Enters all keys into a new table with room for `capacity`; returns the first that comes twice.
  @discardableResult
  private mutating func makeSlots(for capacity: Int) -> Int? {
    var size = 32
    while size < capacity * 2 { size *= 2 }
    slots = Array(repeating: 0, count: size)
    for (position, key) in keys.enumerated() {
      let slot = slot(of: key)
      guard slots[slot] == 0 else { return position }
      slots[slot] = Int32(position + 1)
    }
    return nil
  }

  private static func hash(_ key: String) -> Int {
    var key = key
    return key.withUTF8 { bytes in
      var hasher = Hasher()
      hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
      return hasher.finalize()
    }
  }
}

extension JSONObject: Equatable {
  /// The same keys, by their bytes, with the same values, in the same order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.keys.count == right.keys.count
      && zip(left.keys, right.keys).allSatisfy { $0.hasSameBytes(as: $1) }
      && left.values == right.values
  }
}

extension JSONObject: Sequence {
  public func makeIterator() -> Zip2Sequence<[String], [JSON]>.Iterator {
    zip(keys, values).makeIterator()
  }

  public var underestimatedCount: Int { count }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }
}
