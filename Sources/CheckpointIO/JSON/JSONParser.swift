// The strict reader of RFC 8259: no comments, no trailing commas, no NaN, no byte order mark, nothing after
// the document, no key twice, no bad UTF-8, no unpaired surrogate.
// It walks the bytes once. Open containers keep their members on two shared stacks, so that every array is
// allocated once, at its size. Strings are in JSONParser+Strings, numbers in JSONParser+Numbers.

extension JSON {
  /// Reads one JSON document.
  ///
  /// - Parameters:
  ///   - bytes: the document, UTF-8.
  ///   - file: what messages call it.
  ///   - limits: how deep, long and full it may be.
  /// - Throws: `CheckpointError.invalidJSON`, with the place.
  public init(
    parsing bytes: some Collection<UInt8>, file: String, limits: JSONLimits = .default
  ) throws {
    func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws -> JSON {
      var parser = JSONParser(bytes: bytes, file: file, limits: limits)
      return try parser.document()
    }
    self =
      try bytes.withContiguousStorageIfAvailable(parse)
      ?? Array(bytes).withUnsafeBufferPointer(parse)
  }

  /// Reads the JSON document in the file at `path`.
  public init(contentsOf path: String, limits: JSONLimits = .default) throws {
    let bytes = try FileReading.readFile(path, limit: limits.bytes)
    try LargeFilePointer.refuse(bytes, file: path)
    try self.init(parsing: bytes, file: path, limits: limits)
  }
}

/// One pass over one document.
struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  let file: String
  let limits: JSONLimits
  var position = 0
  /// The bytes of a string with escapes, while it is made.
  var unescaped: [UInt8] = []
  private var keys: [String] = []
  private var keyPositions: [Int] = []
  private var values: [JSON] = []
  private var valueCount = 0

  init(bytes: UnsafeBufferPointer<UInt8>, file: String, limits: JSONLimits) {
    self.bytes = bytes
    self.file = file
    self.limits = limits
  }

  mutating func document() throws -> JSON {
    guard bytes.count <= limits.bytes else {
      throw failure("the document has \(bytes.count) bytes, the limit is \(limits.bytes)", at: 0)
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw failure("a byte order mark, which JSON does not allow", at: 0)
    }
    skipSpace()
    let document = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else {
      throw failure("\(found) after the end of the document")
    }
    return document
  }

  private mutating func value(depth: Int) throws -> JSON {
    valueCount += 1
    guard valueCount <= limits.values else {
      throw failure("more values than the limit of \(limits.values)")
    }
    guard position < bytes.count else { throw failure("expected a value, found \(found)") }
    switch bytes[position] {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N"), UInt8(ascii: "I"):
      throw failure("expected a value, found \(found) (NaN and Infinity are not JSON)")
    default: throw failure("expected a value, found \(found)")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws -> JSON {
    for offset in 0..<word.utf8CodeUnitCount {
      guard position + offset < bytes.count,
        bytes[position + offset] == word.utf8Start[offset]
      else { throw failure("expected '\(word)'") }
    }
    position += word.utf8CodeUnitCount
    return value
  }

  private mutating func array(depth: Int) throws -> JSON {
    try enter(depth)
    if take(UInt8(ascii: "]")) { return .array([]) }
    let base = values.count
    while true {
      let element = try value(depth: depth)
      values.append(element)
      skipSpace()
      if take(UInt8(ascii: ",")) {
        skipSpace()
      } else if take(UInt8(ascii: "]")) {
        break
      } else {
        throw failure("expected ',' or ']' in an array, found \(found)")
      }
    }
    let elements = Array(values[base...])
    values.removeSubrange(base...)
    return .array(elements)
  }

  private mutating func object(depth: Int) throws -> JSON {
    try enter(depth)
    if take(UInt8(ascii: "}")) { return .object([:]) }
    let base = values.count
    let keyBase = keys.count
    while true {
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw failure("expected a key in double quotes, found \(found)")
      }
      keyPositions.append(position)
      keys.append(try string())
      skipSpace()
      guard take(UInt8(ascii: ":")) else {
        throw failure("expected ':' after a key, found \(found)")
      }
      skipSpace()
      let member = try value(depth: depth)
      values.append(member)
      skipSpace()
      if take(UInt8(ascii: ",")) {
        skipSpace()
      } else if take(UInt8(ascii: "}")) {
        break
      } else {
        throw failure("expected ',' or '}' in an object, found \(found)")
      }
    }
    var repeated: Int?
    let object = JSONObject(
      keys: Array(keys[keyBase...]), values: Array(values[base...]), repeated: &repeated)
    if let repeated {
      throw failure(
        "the key \(Excerpt.quoted(object.keys[repeated])) comes twice in one object",
        at: keyPositions[keyBase + repeated])
    }
    keys.removeSubrange(keyBase...)
    keyPositions.removeSubrange(keyBase...)
    values.removeSubrange(base...)
    return .object(object)
  }

  /// Steps over an opening bracket.
  private mutating func enter(_ depth: Int) throws {
    guard depth <= limits.depth else {
      throw failure("arrays and objects deeper in one another than the limit of \(limits.depth)")
    }
    position += 1
    skipSpace()
  }

  /// Steps over `byte` if it is next.
  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// What stands at `position`, for a message.
  var found: String {
    position < bytes.count ? Excerpt.byte(bytes[position]) : "the end of the document"
  }

  func failure(_ fact: String, at offset: Int? = nil) -> CheckpointError {
    let offset = min(offset ?? position, bytes.count)
    let before = bytes[..<offset]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return .invalidJSON(
      file: file, fact: fact, byteOffset: offset,
      line: 1 + before.count { $0 == 0x0A },
      column: 1 + before[lineStart...].count { $0 & 0xC0 != 0x80 })
  }
}
