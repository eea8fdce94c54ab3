// A probe file after everything was applied to it: overlay, overrides and defaults. What a run records, and
// what its id is made from.

import CheckpointIO

/// The values that a probe really took, defaults included, in the order it asked for them.
public struct ResolvedSpec: Sendable, Equatable {
  /// With paths as they were given.
  public let json: JSON
  /// With the last component of every path instead: two computers keep the same model in different
  /// places, and the run is the same.
  public let withoutFolders: JSON

  init(json: JSON, withoutFolders: JSON) {
    self.json = json
    self.withoutFolders = withoutFolders
  }

  /// As a YAML document that could be run again; every string is quoted.
  public var yaml: String {
    var text = ""
    Self.append(json, to: &text, indent: 0)
    return text
  }

  private static func append(_ json: JSON, to text: inout String, indent: Int) {
    let space = String(repeating: " ", count: indent)
    switch json {
    case .object(let members) where !members.isEmpty:
      for (key, value) in members {
        text += space + key + ":"
        appendValue(value, to: &text, indent: indent)
      }
    case .array(let elements) where !elements.isEmpty:
      for element in elements {
        text += space + "-"
        appendValue(element, to: &text, indent: indent)
      }
    default:
      text += space + json.serialized(pretty: false) + "\n"
    }
  }

  /// A scalar, and a list of scalars, behind the key; anything else below it.
  private static func appendValue(_ value: JSON, to text: inout String, indent: Int) {
    let isNested: Bool =
      switch value {
      case .object(let members): !members.isEmpty
      case .array(let elements):
        elements.contains { $0.objectValue != nil || $0.arrayValue != nil }
      default: false
      }
    if isNested {
      text += "\n"
      append(value, to: &text, indent: indent + 2)
    } else {
      text += " " + value.serialized(pretty: false) + "\n"
    }
  }
}
