// The fields of one object of a tokenizer's JSON, each asked for by name and kind, so that every
// wrong one ends in a sentence with its path.

import CheckpointIO

struct ComponentFields {
  let file: String
  /// Where the object stands in the file, `model` or `pre_tokenizer.pretokenizers[1]`; empty at the
  /// top.
  let path: String
  let object: JSONObject

  init(_ json: JSON, file: String, path: String) throws {
    guard let object = json.objectValue else {
      throw TokenizationError.malformed(
        file: file, field: path.isEmpty ? "the document" : path, found: json.summary,
        expected: "an object")
    }
    self.file = file
    self.path = path
    self.object = object
  }

  func name(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

  /// The value under a key, nil if it is missing or null.
  func optional(_ key: String) -> JSON? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func required(_ key: String, _ expected: String) throws -> JSON {
    guard let value = optional(key) else { throw malformed(key, expected) }
    return value
  }

  func malformed(_ key: String, _ expected: String) -> TokenizationError {
    .malformed(
      file: file, field: name(key), found: object[key]?.summary ?? "missing", expected: expected)
  }

  func string(_ key: String) throws -> String {
    guard let value = try optionalString(key) else { throw malformed(key, "a string") }
    return value
  }

  func optionalString(_ key: String) throws -> String? {
    guard let value = optional(key) else { return nil }
    guard let string = value.stringValue else { throw malformed(key, "a string") }
    return string
  }

  /// A string that is not empty, as bytes.
  func text(_ key: String) throws -> [UInt8] {
    let value = try string(key)
    guard !value.isEmpty else { throw malformed(key, "a string that is not empty") }
    return Array(value.utf8)
  }

  /// A string of one scalar, as bytes.
  func scalar(_ key: String) throws -> [UInt8] {
    let value = try string(key)
    guard value.unicodeScalars.count == 1 else { throw malformed(key, "a single character") }
    return Array(value.utf8)
  }

  func boolean(_ key: String, default standard: Bool? = nil) throws -> Bool {
    guard let value = optional(key) else {
      guard let standard else { throw malformed(key, "true or false") }
      return standard
    }
    guard let boolean = value.boolValue else { throw malformed(key, "true or false") }
    return boolean
  }

  /// An integer that is not negative.
  func count(_ key: String) throws -> Int {
    guard let value = optional(key)?.intValue, value >= 0 else {
      throw malformed(key, "an integer that is not negative")
    }
    return value
  }

  func array(_ key: String) throws -> [JSON] {
    guard let value = optional(key)?.arrayValue else { throw malformed(key, "an array") }
    return value
  }

  /// The elements of an array, each an object.
  func components(_ key: String) throws -> [ComponentFields] {
    try array(key).enumerated().map { index, element in
      try ComponentFields(element, file: file, path: "\(name(key))[\(index)]")
    }
  }

  func component(_ key: String) throws -> ComponentFields {
    try ComponentFields(required(key, "an object"), file: file, path: name(key))
  }

  /// One of a closed set of names.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default standard: Choice? = nil
  ) throws -> Choice where Choice.RawValue == String {
    guard let name = try optionalString(key) else {
      if let standard { return standard }
      throw malformed(key, Self.list(Choice.allCases.map(\.rawValue)))
    }
    guard let choice = Choice(rawValue: name) else {
      throw malformed(key, Self.list(Choice.allCases.map(\.rawValue)))
    }
    return choice
  }

  func unsupported(_ component: String, _ found: String, _ supported: [String]) -> TokenizationError
  {
    .unsupported(
      file: file, component: component, found: Excerpt.quoted(found, limit: 200),
      supported: Self.list(supported))
  }

  func inconsistent(_ fact: String) -> TokenizationError { .inconsistent(file: file, fact: fact) }

  private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
