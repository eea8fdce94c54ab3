// The one Python literal a .npy header holds: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
// A cursor over its bytes; nothing of Python beyond this form is understood.

/// A parser of the dictionary in a .npy header.
struct NPYLiteral {
  struct Description {
    var descr: String
    var fortranOrder: Bool
    var shape: [Int]
  }

  /// What is wrong, to follow "the header".
  struct Fault: Error {
    let text: String
  }

  let bytes: UnsafeRawBufferPointer
  var position = 0

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func description() throws(Fault) -> Description {
    var descr: String?
    var fortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where descr == nil: descr = try string()
      case "fortran_order" where fortranOrder == nil: fortranOrder = try boolean()
      case "shape" where shape == nil: shape = try integers()
      default:
        throw Fault(text: "has the key \(Excerpt.quoted(key)), which is unknown or comes twice")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == bytes.count else { throw Fault(text: "goes on after its dictionary") }
    guard let descr, let fortranOrder, let shape else {
      throw Fault(text: "lacks one of 'descr', 'fortran_order' and 'shape'")
    }
    return Description(descr: descr, fortranOrder: fortranOrder, shape: shape)
  }

  /// A string in either kind of quotes, without escapes.
  private mutating func string() throws(Fault) -> String {
    skipSpace()
    guard position < bytes.count, bytes[position] == 0x27 || bytes[position] == 0x22 else {
      throw Fault(text: "has \(found) where a string in quotes should be")
    }
    let quote = bytes[position]
    let start = position + 1
    var end = start
    while end < bytes.count, bytes[end] != quote {
      guard (0x20..<0x7F).contains(bytes[end]), bytes[end] != UInt8(ascii: "\\") else {
        throw Fault(text: "has a string that is not plain ASCII")
      }
      end += 1
    }
    guard end < bytes.count else { throw Fault(text: "has a string without its closing quote") }
    position = end + 1
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  private mutating func boolean() throws(Fault) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] {
      if bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return value
      }
    }
    throw Fault(text: "has \(found) where True or False should be")
  }

  /// A tuple of integers ≥ 0: `()`, `(3,)`, `(3, 4)`.
  private mutating func integers() throws(Fault) -> [Int] {
    var result: [Int] = []
    try expect("(")
    while !take(")") {
      result.append(try integer())
      if !take(",") {
        guard result.count > 1 else { throw Fault(text: "has a 'shape' that is no tuple") }
        try expect(")")
        break
      }
    }
    return result
  }

  private mutating func integer() throws(Fault) -> Int {
    skipSpace()
    var end = position
    while end < bytes.count, (0x30..<0x3A).contains(bytes[end]) { end += 1 }
    guard end > position else {
      throw Fault(text: "has \(found) where an axis of 'shape' should be")
    }
    guard let value = Int(String(decoding: bytes[position..<end], as: UTF8.self)) else {
      throw Fault(text: "has an axis in 'shape' that is beyond 64 bits")
    }
    position = end
    return value
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Fault) {
    guard take(character) else { throw Fault(text: "has \(found) where '\(character)' should be") }
  }

  private mutating func skipSpace() {
    while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x0A {
      position += 1
    }
  }

  private var found: String {
    position < bytes.count ? Excerpt.byte(bytes[position]) : "its end"
  }
}
