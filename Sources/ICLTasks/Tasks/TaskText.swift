// The checks on one text of a data file.

import CheckpointIO

/// Where in a file a value stands, and the checks that its text must pass.
struct TaskPlace {
  let file: String
  let place: String

  func appending(_ more: String) -> TaskPlace {
    TaskPlace(file: file, place: place.isEmpty ? more : "\(place)\(more)")
  }

  func wrong(_ value: JSON, expected: String) -> TaskError {
    .wrongValue(file: file, place: place, found: value.summary, expected: expected)
  }

  /// A string that is visible, has no blanks at its ends and no control characters.
  func strictText(_ value: JSON) throws -> String {
    guard let text = value.stringValue else { throw wrong(value, expected: "a string") }
    try checkVisible(text)
    if let scalar = text.unicodeScalars.first(where: Self.isControl) {
      throw TaskError.controlCharacter(file: file, place: place, codePoint: scalar.value)
    }
    guard text.strippingBlanks.utf8.count == text.utf8.count else {
      throw TaskError.paddedText(file: file, place: place, text: text)
    }
    return text
  }

  /// A visible string of any layout: newlines, tabs and blanks at the ends may stand, other ASCII
  /// control characters may not.
  func looseText(_ value: JSON) throws -> String {
    guard let text = value.stringValue else { throw wrong(value, expected: "a string") }
    try checkVisible(text)
    let forbidden = text.unicodeScalars.first { scalar in
      scalar.value < 0x20 && scalar != "\n" && scalar != "\t" || scalar.value == 0x7f
    }
    if let forbidden {
      throw TaskError.controlCharacter(file: file, place: place, codePoint: forbidden.value)
    }
    return text
  }

  /// The members of an object, all of whose keys must be known.
  func object(_ value: JSON, known: [String]) throws -> JSONObject {
    guard let object = value.objectValue else {
      throw wrong(value, expected: "an object with \(known.joined(separator: ", "))")
    }
    for key in object.keys where !known.contains(key) {
      throw TaskError.unknownKey(
        file: file, place: place.isEmpty ? "the top level" : place, key: key, known: known)
    }
    return object
  }

  /// The value of a key that must be there.
  func member(_ object: JSONObject, _ key: String) throws -> JSON {
    guard let value = object[key] else {
      throw TaskError.missingKey(
        file: file, place: place.isEmpty ? "the top level" : place, key: key)
    }
    return value
  }

  private func checkVisible(_ text: String) throws {
    guard !text.strippingBlanks.isEmpty else {
      throw TaskError.emptyText(file: file, place: place)
    }
  }

  /// Control characters, the two Unicode line breaks and the byte order mark.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: scalar.value == 0xfeff
    }
  }
}
