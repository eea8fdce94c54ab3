// Reading and writing scalars in UTF-8 that is known to be valid, because it came out of a String
// or was written here. Not a validator.

enum UTF8Reading {
  /// The number of bytes of the scalar whose first byte is `lead`.
  @inline(__always)
  static func length(lead: UInt8) -> Int {
    lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
  }

  /// The scalar that starts at `index`, which is not past the end, and its length in bytes.
  @inline(__always)
  static func scalar(
    _ text: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> (value: UInt32, length: Int) {
    let lead = text[index]
    if lead < 0x80 { return (UInt32(lead), 1) }
    let second = UInt32(text[index + 1] & 0x3F)
    if lead < 0xE0 { return (UInt32(lead & 0x1F) << 6 | second, 2) }
    let third = UInt32(text[index + 2] & 0x3F)
    if lead < 0xF0 { return (UInt32(lead & 0x0F) << 12 | second << 6 | third, 3) }
    let fourth = UInt32(text[index + 3] & 0x3F)
    return (UInt32(lead & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
  }

  /// Where the scalar begins that ends just before `index`, which is not the start.
  static func start(_ text: UnsafeBufferPointer<UInt8>, before index: Int) -> Int {
    var start = index - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  /// Appends the UTF-8 of a scalar.
  @inline(__always)
  static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
    if scalar < 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: scalar))
      return
    }
    if scalar < 0x800 {
      bytes.append(0xC0 | UInt8(truncatingIfNeeded: scalar >> 6))
    } else {
      if scalar < 0x10000 {
        bytes.append(0xE0 | UInt8(truncatingIfNeeded: scalar >> 12))
      } else {
        bytes.append(0xF0 | UInt8(truncatingIfNeeded: scalar >> 18))
        bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 12) & 0x3F)
      }
      bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6) & 0x3F)
    }
    bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar) & 0x3F)
  }
}
