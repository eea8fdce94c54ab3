// Reads a spec key by key, with types, ranges and defaults; remembers what it read, so that the resolved
// spec can be recorded and every key that nobody asked for is an error with its nearest neighbour.

import CheckpointIO
import HookPoints

/// Reads the keys of one object of a spec.
///
/// ```swift
/// init(reading reader: inout SpecReader) throws {
///   shots = try reader.int("shots", default: 5, in: 0...64)
///   models = try reader.paths("models")
///   controls = try reader.nested("controls") { try Controls(reading: &$0) }
/// }
/// ```
///
/// A key that is absent or null takes its default; without one it is an error. A value of another type
/// or outside its range is an error that names file and key, or the `--set` it comes from. A list has at
/// least one value, each once, unless its reader says otherwise.
public struct SpecReader: Sendable {
  /// The file that messages name.
  public let file: String
  private let members: JSONObject
  /// The keys around these, with a dot behind each.
  private let prefix: String
  /// Which override a dotted key comes from.
  private let origins: [String: String]
  private var resolved = JSONObject()
  private var withoutFolders = JSONObject()

  init(
    _ members: JSONObject, file: String, prefix: String = "", origins: [String: String] = [:]
  ) {
    self.members = members
    self.file = file
    self.prefix = prefix
    self.origins = origins
  }

  /// An integer; without a range it is a size or a count: 1 or more.
  public mutating func int(
    _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int> = 1...Int(Int32.max)
  ) throws -> Int {
    try required(key, fallback, Self.expected(range)) { Self.int($0, range) }
  }

  /// An integer, or `nil` where the key is absent.
  public mutating func intIfPresent(
    _ key: String, in range: ClosedRange<Int> = 1...Int(Int32.max)
  ) throws -> Int? {
    try ifPresent(key) { try $0.int(key, in: range) }
  }

  /// Integers.
  public mutating func ints(
    _ key: String, default fallback: [Int]? = nil, in range: ClosedRange<Int> = 1...Int(Int32.max),
    canBeEmpty: Bool = false
  ) throws -> [Int] {
    try list(key, fallback, Self.expected(range), canBeEmpty: canBeEmpty) { Self.int($0, range) }
  }

  /// A real number; an integer is one too.
  public mutating func double(
    _ key: String, default fallback: Double? = nil, in range: ClosedRange<Double>
  ) throws -> Double {
    try required(key, fallback, Self.expected(range)) { Self.double($0, range) }
  }

  /// Real numbers.
  public mutating func doubles(
    _ key: String, default fallback: [Double]? = nil, in range: ClosedRange<Double>,
    canBeEmpty: Bool = false, canRepeat: Bool = false
  ) throws -> [Double] {
    try list(
      key, fallback, Self.expected(range), canBeEmpty: canBeEmpty, canRepeat: canRepeat
    ) { Self.double($0, range) }
  }

  /// A truth value; `fallback` where the key is absent.
  ///
  /// - Throws: `RunError.invalidSpec`.
  public mutating func bool(_ key: String, default fallback: Bool? = nil) throws -> Bool {
    try required(key, fallback, "true or false", \.boolValue)
  }

  /// A text; `fallback` where the key is absent.
  ///
  /// - Throws: `RunError.invalidSpec`.
  public mutating func string(_ key: String, default fallback: String? = nil) throws -> String {
    try required(key, fallback, "a text", \.stringValue)
  }

  /// A text, or `nil` where the key is absent.
  public mutating func stringIfPresent(_ key: String) throws -> String? {
    try ifPresent(key) { try $0.string(key) }
  }

  /// Texts; `fallback` where the key is absent.
  ///
  /// - Throws: `RunError.invalidSpec`.
  public mutating func strings(
    _ key: String, default fallback: [String]? = nil, canBeEmpty: Bool = false
  ) throws -> [String] {
    try list(key, fallback, "a text", canBeEmpty: canBeEmpty, \.stringValue)
  }

  /// What the text under `key` stands for.
  public mutating func choice<Value>(
    _ key: String, default fallback: String? = nil, among values: KeyValuePairs<String, Value>
  ) throws -> Value {
    let name = try required(key, fallback, Self.expected(values.map(\.key))) { json in
      values.first { .string($0.key) == json }?.key
    }
    return try chosen(name, key, among: values)
  }

  /// What the texts under `key` stand for.
  public mutating func choices<Value>(
    _ key: String, default fallback: [String]? = nil, among values: KeyValuePairs<String, Value>,
    canBeEmpty: Bool = false
  ) throws -> [Value] {
    let names = try list(
      key, fallback, Self.expected(values.map(\.key)), canBeEmpty: canBeEmpty
    ) { json in values.first { .string($0.key) == json }?.key }
    return try names.map { try chosen($0, key, among: values) }
  }

  /// The path of a file or folder. Of a path only the last component takes part in the run's id.
  public mutating func path(_ key: String, default fallback: String? = nil) throws -> String {
    let path = try string(key, default: fallback)
    withoutFolders[key] = .string(Self.lastComponent(path))
    return path
  }

  /// The paths of files or folders.
  public mutating func paths(_ key: String, default fallback: [String]? = nil) throws -> [String] {
    let paths = try strings(key, default: fallback)
    withoutFolders[key] = .array(paths.map { .string(Self.lastComponent($0)) })
    return paths
  }

  /// A value of any type, for keys that take more than one; `parse` gives `nil` for what it does not take.
  public mutating func value<Value>(
    _ key: String, default fallback: JSON? = nil, expected: String, _ parse: (JSON) -> Value?
  ) throws -> Value {
    try parsed(key, fallback, expected, parse) { json, _ in json }
  }

  /// Reads the object under `key`; where it is absent, one without keys, so that all defaults apply.
  public mutating func nested<Value>(
    _ key: String, _ read: (inout SpecReader) throws -> Value
  ) throws -> Value {
    let inner = try parsed(key, .object(JSONObject()), "keys with values", \.objectValue) {
      json, _ in json
    }
    return try nested(key, inner, read)
  }

  /// Reads the object under `key`, or gives `nil` where it is absent.
  public mutating func nestedIfPresent<Value>(
    _ key: String, _ read: (inout SpecReader) throws -> Value
  ) throws -> Value? {
    try ifPresent(key) { try $0.nested(key, read) }
  }

  /// Reads each object of the list under `key`; the list may be absent where `fallback` says so.
  public mutating func nestedList<Value>(
    _ key: String, isOptional: Bool = false, _ read: (inout SpecReader) throws -> Value
  ) throws -> [Value] {
    let items = try parsed(
      key, isOptional ? .array([]) : nil, "a list of keys with values",
      { json in json.arrayValue?.map(\.objectValue) }, recorded: { json, _ in json })
    var values: [Value] = []
    var (asGiven, short): ([JSON], [JSON]) = ([], [])
    for (index, item) in items.enumerated() {
      let place = "\(key).\(index)"
      guard let item else { throw wrong(place, "expected keys with values") }
      var reader = SpecReader(item, file: file, prefix: prefix + place + ".", origins: origins)
      values.append(try read(&reader))
      let spec = try reader.finish()
      asGiven.append(spec.json)
      short.append(spec.withoutFolders)
    }
    record(key, .array(asGiven), .array(short))
    return values
  }

  /// Whether there is a value under `key`; to be asked where two keys may say the same.
  public func contains(_ key: String) -> Bool { members[key].map { !$0.isNull } ?? false }

  /// The error that says what is wrong with the value of a key; for what only a probe can judge.
  public func wrong(_ key: String, _ fact: String) -> RunError {
    let path = prefix + key
    var parent = path[...]
    while true {
      if let text = origins[String(parent)] {
        return .invalidOverride(text: text, fact: "key '\(path)': \(fact)")
      }
      guard let dot = parent.lastIndex(of: ".") else { break }
      parent = parent[..<dot]
    }
    return .invalidSpec(file: file, key: path, fact: fact)
  }
}

extension SpecReader {
  /// The spec as it was read.
  ///
  /// - Throws: for the first key that nobody asked for.
  func finish() throws -> ResolvedSpec {
    if let unknown = members.keys.first(where: { resolved.position(of: $0) == nil }) {
      throw wrong(unknown, "there is no such key" + advice(for: unknown, among: resolved.keys))
    }
    return ResolvedSpec(json: .object(resolved), withoutFolders: .object(withoutFolders))
  }

  private mutating func record(_ key: String, _ json: JSON, _ short: JSON? = nil) {
    precondition(
      resolved.position(of: key) == nil || resolved[key] == json || short != nil,
      "key '\(prefix + key)' was read as two different values")
    resolved[key] = json
    withoutFolders[key] = short ?? json
  }

  /// The value under `key` in the form in which it is recorded: what `parse` makes of it, typed.
  private mutating func required<Value: SpecValue>(
    _ key: String, _ fallback: Value?, _ expected: String, _ parse: (JSON) -> Value?
  ) throws -> Value {
    try parsed(key, fallback?.json, expected, parse) { _, value in value.json }
  }

  /// - Parameters:
  ///   - canBeEmpty: as it also can where the default is.
  ///   - canRepeat: whether a value may stand there twice.
  private mutating func list<Value: SpecValue & Hashable>(
    _ key: String, _ fallback: [Value]?, _ expected: String, canBeEmpty: Bool,
    canRepeat: Bool = false, _ parse: (JSON) -> Value?
  ) throws -> [Value] {
    let before = self
    return try parsed(
      key, fallback.map { JSON.array($0.map(\.json)) }, "a list, each \(expected)",
      { json in
        guard let elements = json.arrayValue else {
          throw before.wrong(
            key,
            "found \(json.summary), expected a list, each \(expected)" + Self.listAdvice(json))
        }
        let values = try elements.map { element in
          guard let value = parse(element) else {
            throw before.wrong(key, "found \(element.summary) in the list, expected \(expected)")
          }
          return value
        }
        var seen: Set<Value> = []
        if !canRepeat, let again = values.first(where: { !seen.insert($0).inserted }) {
          throw before.wrong(key, "\(again.json.summary) stands there twice")
        }
        guard !values.isEmpty || canBeEmpty || fallback?.isEmpty == true else {
          throw before.wrong(key, "the list is empty, expected at least one: \(expected)")
        }
        return values
      }, recorded: { _, values in .array(values.map(\.json)) })
  }

  /// How the list is written that a text or number without brackets or quotes was meant to be.
  private static func listAdvice(_ json: JSON) -> String {
    guard json.arrayValue == nil, json.objectValue == nil else { return "" }
    let bare = json.stringValue.map { text in
      text.split { "[],' \"".contains($0) }.map { JSON.string(String($0)) }
    }
    let list = JSON.array(bare ?? [json]).serialized(pretty: false)
    return "; write \(list), in single quotes for a shell"
  }

  private mutating func parsed<Value>(
    _ key: String, _ fallback: JSON?, _ expected: String, _ parse: (JSON) throws -> Value?,
    recorded: (JSON, Value) -> JSON
  ) throws -> Value {
    let given = members[key].flatMap { $0.isNull ? nil : $0 }
    guard let json = given ?? fallback else {
      let unread = members.keys.filter { resolved.position(of: $0) == nil && $0 != key }
      let near = unread.isEmpty ? nil : nearest(to: key, among: unread)
      let hint = near.flatMap { editDistance($0, key) <= 2 ? "; there is '\($0)'" : nil }
      throw wrong(key, "it is missing, expected \(expected)" + (hint ?? ""))
    }
    guard let value = try parse(json) else {
      precondition(given != nil, "the default of '\(prefix + key)' is not \(expected)")
      throw wrong(key, "found \(json.summary), expected \(expected)")
    }
    record(key, recorded(json, value))
    return value
  }

  private mutating func nested<Value>(
    _ key: String, _ inner: JSONObject, _ read: (inout SpecReader) throws -> Value
  ) throws -> Value {
    var reader = SpecReader(inner, file: file, prefix: prefix + key + ".", origins: origins)
    let value = try read(&reader)
    let spec = try reader.finish()
    record(key, spec.json, spec.withoutFolders)
    return value
  }

  private mutating func ifPresent<Value>(
    _ key: String, _ read: (inout SpecReader) throws -> Value
  ) throws -> Value? {
    guard contains(key) else {
      record(key, .null)
      return nil
    }
    return try read(&self)
  }

  private func chosen<Value>(
    _ name: String, _ key: String, among values: KeyValuePairs<String, Value>
  ) throws -> Value {
    guard let value = values.first(where: { $0.key == name })?.value else {
      throw wrong(key, "expected \(Self.expected(values.map(\.key)))")
    }
    return value
  }

  private static func int(_ json: JSON, _ range: ClosedRange<Int>) -> Int? {
    json.intValue.flatMap { range.contains($0) ? $0 : nil }
  }

  private static func double(_ json: JSON, _ range: ClosedRange<Double>) -> Double? {
    json.doubleValue.flatMap { range.contains($0) ? $0 : nil }
  }

  private static func expected(_ range: ClosedRange<Int>) -> String {
    "an integer from \(range.lowerBound) to \(range.upperBound)"
  }

  private static func expected(_ range: ClosedRange<Double>) -> String {
    "a number from \(range.lowerBound) to \(range.upperBound)"
  }

  private static func expected(_ names: [String]) -> String {
    (names.count == 1 ? "" : "one of ") + names.map { "'\($0)'" }.joined(separator: ", ")
  }

  private static func lastComponent(_ path: String) -> String {
    path.split(separator: "/").last.map { String($0) } ?? path
  }
}

/// What to say behind a name that is not known: the one that was meant, or all there are.
func advice(for name: String, among known: [String]) -> String {
  guard !known.isEmpty else { return "; no keys stand here" }
  return nearName(to: name, among: known).map { "; did you mean '\($0)'?" }
    ?? "; there are \(known.joined(separator: ", "))"
}

/// A value that has one form in a resolved spec: `1` and `1.0` under a key for real numbers are the same.
private protocol SpecValue {
  var json: JSON { get }
}

extension Int: SpecValue {
  fileprivate var json: JSON { .integer(self) }
}

extension Double: SpecValue {
  fileprivate var json: JSON { .number(self) }
}

extension Bool: SpecValue {
  fileprivate var json: JSON { .boolean(self) }
}

extension String: SpecValue {
  fileprivate var json: JSON { .string(self) }
}
