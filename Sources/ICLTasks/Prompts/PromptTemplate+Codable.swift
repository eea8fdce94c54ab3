// A template in a probe file: a preset's name, or an object of texts.

extension PromptTemplate: Codable {
  /// The keys of the object form.
  enum Keys: String, CaseIterable, CodingKey {
    case demonstration, separator, prefix
  }

  /// Reads `"hendel"`, or `{"demonstration": "{input}->{output}", "separator": "\n", "prefix": ""}`;
  /// `prefix` may be left out.
  ///
  /// - Throws: `TaskError` for an unknown preset, an unknown key or a bad template; `DecodingError`
  ///   for a wrong type or a missing key.
  public init(from decoder: any Decoder) throws {
    if let name = try? decoder.singleValueContainer().decode(String.self) {
      try self.init(preset: name)
      return
    }
    let names = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
    let known = Keys.allCases.map(\.rawValue)
    for name in names where !known.contains(name) {
      throw TaskError.unknownName(kind: "template key", name: name, known: known)
    }
    let container = try decoder.container(keyedBy: Keys.self)
    try self.init(
      demonstration: container.decode(String.self, forKey: .demonstration),
      separator: container.decode(String.self, forKey: .separator),
      prefix: container.decodeIfPresent(String.self, forKey: .prefix) ?? "")
  }

  /// Writes the preset's name where the template is one, and the object form otherwise.
  public func encode(to encoder: any Encoder) throws {
    if let presetName {
      var container = encoder.singleValueContainer()
      try container.encode(presetName)
      return
    }
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(demonstration, forKey: .demonstration)
    try container.encode(separator, forKey: .separator)
    try container.encode(prefix, forKey: .prefix)
  }
}

/// A key of any name, to list what an object holds.
private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
