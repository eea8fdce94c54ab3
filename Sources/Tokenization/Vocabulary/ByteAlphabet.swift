// GPT-2's alphabet: a printable character for each of the 256 bytes, so that a vocabulary of byte
// strings can be written as JSON.

struct ByteAlphabet: Sendable {
  static let shared = ByteAlphabet()

  /// The character that stands for each byte.
  let scalars: [UInt32]
  private let utf8: [[UInt8]]
  /// The byte that a scalar below 0x180 stands for, or -1.
  private let bytes: [Int16]

  private init() {
    var scalars: [UInt32] = []
    var next: UInt32 = 256
    for byte in UInt32(0)..<256 {
      let isPrintable = (0x21...0x7E).contains(byte) || (0xA1...0xFF).contains(byte)
      if isPrintable, byte != 0xAD {
        scalars.append(byte)
      } else {
        scalars.append(next)
        next += 1
      }
    }
    var bytes = [Int16](repeating: -1, count: Int(next))
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    self.scalars = scalars
    self.bytes = bytes
    utf8 = scalars.map { scalar in
      var encoded: [UInt8] = []
      UTF8Reading.append(scalar, to: &encoded)
      return encoded
    }
  }

  /// The character of a byte.
  func utf8(of byte: UInt8) -> [UInt8] { utf8[Int(byte)] }

  /// The bytes a piece stands for, or nil if a character of it is not in the alphabet.
  func bytes(of piece: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    return append(piece, to: &result) ? result : nil
  }

  /// Appends the bytes a piece stands for; or nothing, and returns false, if a character of it is
  /// not in the alphabet.
  func append(_ piece: some RandomAccessCollection<UInt8>, to result: inout [UInt8]) -> Bool {
    let before = result.count
    var lead: UInt8?
    for byte in piece {
      var scalar = UInt32(byte)
      if byte >= 0x80 {
        if let first = lead {
          scalar = UInt32(first & 0x1F) << 6 | UInt32(byte & 0x3F)
          lead = nil
        } else {
          lead = byte
          if byte < 0xE0 { continue }
        }
      }
      guard lead == nil, scalar < bytes.count, bytes[Int(scalar)] >= 0 else {
        result.removeLast(result.count - before)
        return false
      }
      result.append(UInt8(bytes[Int(scalar)]))
    }
    return true
  }
}
