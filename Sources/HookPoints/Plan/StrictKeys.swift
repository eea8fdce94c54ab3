// Refusing keys that mean nothing: Codable ignores them, and a misspelt key would change an experiment.

/// Throws `HookError.unknownKey` with the nearest known key if the object has any other.
func rejectUnknownKeys(_ decoder: any Decoder, known: [String], subject: String) throws {
  let container = try decoder.container(keyedBy: AnyKey.self)
  let unknown = container.allKeys.map(\.stringValue).filter { !known.contains($0) }
  guard let key = unknown.min() else { return }
  throw HookError.unknownKey(key: key, subject: subject, nearest: nearest(to: key, among: known))
}

/// A key of any name.
struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
