// The pieces of a sequence on their way back to text: all bytes in one block, so that a decoder
// costs no allocation a token.

struct PieceList {
  private(set) var bytes: [UInt8] = []
  /// Where each piece ends; it begins where the one before ended.
  private(set) var ends: [Int] = []

  var count: Int { ends.count }

  mutating func reserve(bytes: Int, pieces: Int) {
    self.bytes.reserveCapacity(bytes)
    ends.reserveCapacity(pieces)
  }

  /// Appends to the piece that the next `closePiece` ends.
  mutating func write(_ bytes: some Collection<UInt8>) {
    self.bytes.append(contentsOf: bytes)
  }

  mutating func closePiece() { ends.append(bytes.count) }

  mutating func append(_ piece: some Collection<UInt8>) {
    write(piece)
    closePiece()
  }

  /// All pieces as one.
  mutating func fuse() { ends = [bytes.count] }

  /// The text of all pieces with a byte between any two.
  func joined(by separator: UInt8) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count + count)
    visit { index, piece in
      if index > 0 { text.append(separator) }
      text.append(contentsOf: piece)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Calls `body` with the bytes of each piece and its index.
  func visit(_ body: (Int, UnsafeBufferPointer<UInt8>) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var start = 0
      for (index, end) in ends.enumerated() {
        body(index, UnsafeBufferPointer(rebasing: bytes[start..<end]))
        start = end
      }
    }
  }
}
