// Pieces and their ids, both ways. All pieces lie in one block of bytes; an open-addressing table
// finds an id by the bytes of its piece. Strings are compared by bytes: two spellings of é are two
// pieces.

import CheckpointIO

struct Vocabulary: Sendable {
  private var blob: [UInt8] = []
  /// Where the piece of an id lies in the block; length -1 where the id has no piece.
  private var places: [Place]
  /// Upper half of the hash and id + 1, or 0.
  private var slots: [UInt64]
  /// How many ids have a piece.
  private(set) var pieceCount = 0

  private struct Place {
    var start: UInt32 = 0
    var length: Int32 = -1
  }

  /// The highest id that is believed: beyond it a table by id would be mostly holes.
  static let highestID = InputLimits.vocabulary - 1

  /// An empty vocabulary with room for the ids below `idLimit`.
  init(idLimit: Int, expectedPieces: Int) {
    places = [Place](repeating: Place(), count: idLimit)
    var capacity = 16
    while capacity < expectedPieces * 2 { capacity *= 2 }
    slots = [UInt64](repeating: 0, count: capacity)
  }

  /// One more than the highest id.
  var idLimit: Int { places.count }

  /// Adds a piece under a free id; returns false if the bytes are there already.
  mutating func insert(_ piece: UnsafeBufferPointer<UInt8>, id: Int) -> Bool {
    precondition(places[id].length < 0, "id \(id) has a piece already")
    precondition(pieceCount * 2 <= slots.count, "the vocabulary is over its expected size")
    let hash = ByteHash.hash(piece)
    let slot = slot(of: piece, hash)
    guard slots[slot] == 0 else { return false }
    places[id] = Place(start: UInt32(blob.count), length: Int32(piece.count))
    blob.append(contentsOf: piece)
    slots[slot] = Self.entry(hash, id)
    pieceCount += 1
    return true
  }

  func hasPiece(_ id: Int) -> Bool {
    places.indices.contains(id) && places[id].length >= 0
  }

  /// The bytes of a piece.
  func bytes(_ id: Int) -> ArraySlice<UInt8>? {
    guard hasPiece(id) else { return nil }
    let start = Int(places[id].start)
    return blob[start..<start + Int(places[id].length)]
  }

  func piece(_ id: Int) -> String? {
    bytes(id).map { String(decoding: $0, as: UTF8.self) }
  }

  @inline(__always)
  func id(of piece: UnsafeBufferPointer<UInt8>) -> Int? {
    let found = slots[slot(of: piece, ByteHash.hash(piece))]
    return found == 0 ? nil : Int(found & 0xFFFF_FFFF) - 1
  }

  func id(of piece: [UInt8]) -> Int? {
    piece.withUnsafeBufferPointer { id(of: $0) }
  }

  func id(of piece: String) -> Int? {
    var piece = piece
    return piece.withUTF8 { id(of: $0) }
  }

  private static func entry(_ hash: UInt64, _ id: Int) -> UInt64 {
    hash & 0xFFFF_FFFF_0000_0000 | UInt64(id + 1)
  }

  /// The slot that holds `piece`, or the free one it belongs in.
  @inline(__always)
  private func slot(of piece: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
    slots.withUnsafeBufferPointer { slots in
      let mask = slots.count - 1
      var slot = Int(truncatingIfNeeded: hash) & mask
      while true {
        let found = slots[slot]
        if found == 0 { return slot }
        if (found ^ hash) >> 32 == 0, holds(Int(found & 0xFFFF_FFFF) - 1, piece) { return slot }
        slot = (slot + 1) & mask
      }
    }
  }

  @inline(__always)
  private func holds(_ id: Int, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
    let place = places[id]
    guard Int(place.length) == piece.count else { return false }
    return blob.withUnsafeBufferPointer { blob in
      let start = Int(place.start)
      for index in 0..<piece.count where blob[start + index] != piece[index] { return false }
      return true
    }
  }
}
