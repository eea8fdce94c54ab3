// Reads a configuration key by key, strictly, and remembers what it read and which class defaults stood in
// for keys that were left out, because a run has to report them. It knows no key by itself.
// Null counts as left out: Hugging Face configurations write None for "the class decides".

/// Reads the keys of one JSON object.
///
/// ```swift
/// var config = try folder.configReader()
/// let layers = try config.int("num_hidden_layers")
/// let heads = try config.int("num_attention_heads")
/// let keyValueHeads = try config.int("num_key_value_heads", default: heads)
/// let epsilon = try config.double("rms_norm_eps", default: 1e-6, in: 0...1)
/// let activation = try config.choice("hidden_act", default: "silu", among: ["silu": Activation.silu])
/// try config.require("attention_bias", equals: false, default: false)
/// let theta = try config.nested("rope_parameters") { try $0.double("rope_theta", default: 10_000) }
/// ```
///
/// A key that is absent and has no default, and a value of another type or outside its range, throw
/// `CheckpointError.invalidConfiguration`, which names the file, the key, what was found and what expected.
public struct ConfigReader: Sendable {
  /// The file messages name.
  public let file: String
  /// Every key that was asked for, in that order, with the keys around it: `rope_parameters.rope_theta`.
  public private(set) var keysRead: [String] = []
  /// The keys that were absent, with the default taken instead (null: none).
  public private(set) var defaultsUsed = JSONObject()
  private let members: JSONObject
  private let prefix: String

  /// - Throws: `CheckpointError.invalidFolder` unless `json` is an object.
  public init(json: JSON, file: String) throws {
    guard let members = json.objectValue else {
      throw CheckpointError.invalidFolder(
        file: file, fact: "the document is \(json.summary), expected an object")
    }
    self.init(members, file, prefix: "")
  }

  private init(_ members: JSONObject, _ file: String, prefix: String) {
    self.members = members
    self.file = file
    self.prefix = prefix
  }

  /// An integer; without a range it is a size or a count: 1 or more.
  public mutating func int(
    _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int> = 1...Int(Int32.max)
  ) throws -> Int {
    try required(
      key, fallback.map { .integer($0) },
      "an integer from \(range.lowerBound) to \(range.upperBound)"
    ) { value in value.intValue.flatMap { range.contains($0) ? $0 : nil } }
  }

  /// An integer, or nil where the key is absent or null.
  public mutating func intIfPresent(
    _ key: String, in range: ClosedRange<Int> = 1...Int(Int32.max)
  ) throws -> Int? {
    try isAbsent(key) ? nil : int(key, in: range)
  }

  /// An array of integers, or one alone.
  public mutating func ints(
    _ key: String, default fallback: [Int]? = nil, in range: ClosedRange<Int> = 1...Int(Int32.max)
  ) throws -> [Int] {
    try required(
      key, fallback.map { .array($0.map { .integer($0) }) },
      "integers from \(range.lowerBound) to \(range.upperBound)"
    ) { value in
      let elements = value.arrayValue ?? [value]
      let integers = elements.compactMap(\.intValue).filter(range.contains)
      return integers.count == elements.count ? integers : nil
    }
  }

  /// A number, also one written without a point.
  public mutating func double(
    _ key: String, default fallback: Double? = nil, in range: ClosedRange<Double>? = nil
  ) throws -> Double {
    let bounds = range.map { " from \($0.lowerBound) to \($0.upperBound)" } ?? ""
    return try required(key, fallback.map { .number($0) }, "a number" + bounds) { value in
      value.doubleValue.flatMap { range?.contains($0) ?? true ? $0 : nil }
    }
  }

  /// A number, or nil where the key is absent or null.
  public mutating func doubleIfPresent(
    _ key: String, in range: ClosedRange<Double>? = nil
  ) throws -> Double? {
    try isAbsent(key) ? nil : double(key, in: range)
  }

  /// An integer, nil where null is written under the key, and the default where the key is left out.
  public mutating func intUnlessNull(_ key: String, default fallback: Int) throws -> Int? {
    guard isWrittenNull(key) else { return try int(key, default: fallback) }
    return try intIfPresent(key)
  }

  /// A number, nil where null is written under the key, and the default where the key is left out.
  public mutating func doubleUnlessNull(
    _ key: String, default fallback: Double, in range: ClosedRange<Double>? = nil
  ) throws -> Double? {
    guard isWrittenNull(key) else { return try double(key, default: fallback, in: range) }
    return try doubleIfPresent(key)
  }

  private func isWrittenNull(_ key: String) -> Bool { members[key]?.isNull ?? false }

  /// An array of numbers, or nil where the key is absent or null.
  public mutating func doublesIfPresent(_ key: String) throws -> [Double]? {
    guard try !isAbsent(key) else { return nil }
    // Spelled out: against the optional result, a refused value would pass for an absent one.
    let numbers: [Double] = try required(key, nil, "an array of numbers") { value in
      guard let elements = value.arrayValue else { return nil }
      let numbers = elements.compactMap(\.doubleValue)
      return numbers.count == elements.count ? numbers : nil
    }
    return numbers
  }

  /// A truth value; `fallback` where the key is absent, which is then noted as a default.
  ///
  /// - Throws: `CheckpointError.invalidConfiguration` for another kind of value, or no value at all.
  public mutating func bool(_ key: String, default fallback: Bool? = nil) throws -> Bool {
    try required(key, fallback.map { .boolean($0) }, "true or false", \.boolValue)
  }

  /// A string; `fallback` where the key is absent, which is then noted as a default.
  ///
  /// - Throws: `CheckpointError.invalidConfiguration` for another kind of value, or no value at all.
  public mutating func string(_ key: String, default fallback: String? = nil) throws -> String {
    try required(key, fallback.map { .string($0) }, "a string", \.stringValue)
  }

  /// A string, or nil where the key is absent or null.
  public mutating func stringIfPresent(_ key: String) throws -> String? {
    try isAbsent(key) ? nil : string(key)
  }

  /// An array of strings; `fallback` where the key is absent, which is then noted as a default.
  ///
  /// - Throws: `CheckpointError.invalidConfiguration` for another kind of value, or no value at all.
  public mutating func strings(_ key: String, default fallback: [String]? = nil) throws -> [String]
  {
    try required(
      key, fallback.map { .array($0.map { .string($0) }) }, "an array of strings"
    ) { value in
      guard let elements = value.arrayValue else { return nil }
      let strings = elements.compactMap(\.stringValue)
      return strings.count == elements.count ? strings : nil
    }
  }

  /// What the string under `key` stands for.
  public mutating func choice<Value>(
    _ key: String, default fallback: String? = nil, among values: KeyValuePairs<String, Value>
  ) throws -> Value {
    let names = values.map { "'\($0.key)'" }.joined(separator: ", ")
    return try required(
      key, fallback.map { .string($0) }, values.count == 1 ? names : "one of \(names)"
    ) { value in
      values.first { .string($0.key) == value }?.value
    }
  }

  /// Throws unless the value is the one that is supported.
  ///
  /// - Parameters:
  ///   - key: of this object.
  ///   - expected: the value that is supported.
  ///   - fallback: what the class takes where the key is absent.
  public mutating func require(
    _ key: String, equals expected: JSON, default fallback: JSON? = nil
  ) throws {
    let text = expected.serialized(pretty: false)
    let _: JSON = try required(key, fallback, "\(text), the only value that is supported") {
      value in
      value == expected || value.doubleValue != nil && value.doubleValue == expected.doubleValue
        ? value : nil
    }
  }

  /// Reads the object under `key`, or returns nil where it is absent or null.
  public mutating func nested<Result>(
    _ key: String, _ read: (inout ConfigReader) throws -> Result
  ) throws -> Result? {
    guard try !isAbsent(key) else { return nil }
    let members = try required(key, nil, "an object", \.objectValue)
    var inner = ConfigReader(members, file, prefix: prefix + key + ".")
    let result = try read(&inner)
    keysRead.append(contentsOf: inner.keysRead)
    for (key, value) in inner.defaultsUsed { defaultsUsed[key] = value }
    return result
  }

  /// Whether there is a value under `key`; to be asked where two keys may say the same.
  public func contains(_ key: String) -> Bool {
    members[key].map { !$0.isNull } ?? false
  }

  /// Notes that a key has no value, which is one of the answers.
  private mutating func isAbsent(_ key: String) throws -> Bool {
    guard !contains(key) else { return false }
    note(key)
    defaultsUsed[prefix + key] = .null
    return true
  }

  private mutating func required<Value>(
    _ key: String, _ fallback: JSON?, _ expected: String, _ read: (JSON) -> Value?
  ) throws -> Value {
    note(key)
    func unusable(_ found: String) -> CheckpointError {
      .invalidConfiguration(file: file, key: prefix + key, found: found, expected: expected)
    }
    if let value = members[key], !value.isNull {
      guard let result = read(value) else { throw unusable(value.summary) }
      return result
    }
    guard let fallback else { throw unusable(members[key] == nil ? "absent" : "null") }
    guard let result = read(fallback) else {
      throw unusable("absent, and by default \(fallback.summary)")
    }
    defaultsUsed[prefix + key] = fallback
    return result
  }

  private mutating func note(_ key: String) {
    if !keysRead.contains(prefix + key) { keysRead.append(prefix + key) }
  }
}
