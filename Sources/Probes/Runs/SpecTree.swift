// A probe file as a tree of values, before a probe reads it: the file itself, its `small:` overlay and the
// `--set` overrides. How YAML becomes such a tree is the command's affair.

import CheckpointIO

/// A probe file with what the command line adds to it.
///
/// ```swift
/// var tree = try SpecTree(json, file: "probes/task-vectors.yaml")
/// try tree.set("shots=8")
/// let (spec, resolved) = try tree.decode(small: false, TaskVectorsSpec.init(reading:))
/// ```
public struct SpecTree: Sendable, Equatable {
  /// What messages call the file.
  public let file: String
  private let root: JSONObject
  private var overrides: [Override] = []

  private struct Override: Sendable, Equatable {
    /// As it was written, for messages.
    let text: String
    let path: [String]
    let value: JSON
  }

  static let overlayKey = "small"

  /// - Throws: `RunError.invalidSpec` unless `json` is an object.
  public init(_ json: JSON, file: String) throws {
    guard let root = json.objectValue else {
      throw RunError.invalidSpec(
        file: file, key: "", fact: "the document is \(json.summary), expected keys with values")
    }
    self.file = file
    self.root = root
  }

  /// The name under `probe`, which says who reads the rest.
  public var probe: String {
    get throws {
      guard let name = try composed(small: false).root["probe"]?.stringValue else {
        throw RunError.invalidSpec(
          file: file, key: "probe", fact: "there is no name of a probe, such as task-vectors")
      }
      return name
    }
  }

  /// Notes an override `KEY=VALUE` of the command line; later ones win.
  ///
  /// The key may be dotted (`model.layers`) and may count into a list from 0 (`tasks.2`). The value is
  /// JSON where it reads as such (`3`, `0.5`, `true`, `null`, `[1, 2]`, `"5"`), else text.
  /// - Throws: `RunError.invalidOverride` for a text without key.
  public mutating func set(_ text: String) throws {
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
      throw RunError.invalidOverride(text: text, fact: "there is no '='; write --set KEY=VALUE")
    }
    let value = String(text[text.index(after: equals)...])
    try set(
      String(text[..<equals]),
      to: (try? JSON(parsing: value.utf8, file: "--set")) ?? .string(value), text: text)
  }

  /// Notes that `value` stands under a dotted key, such as the models of `--model`.
  public mutating func set(_ key: String, to value: JSON, text: String? = nil) throws {
    let path = key.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    let text = text ?? "\(key)=\(value.serialized(pretty: false))"
    guard path.allSatisfy({ !$0.isEmpty }) else {
      throw RunError.invalidOverride(text: text, fact: "the key is empty in part")
    }
    overrides.append(Override(text: text, path: path, value: value))
  }

  /// Reads the spec, refusing every key that was not asked for.
  ///
  /// When the file has an overlay, both with and without it are read, so that a mistake in either shows
  /// at once.
  /// - Parameters:
  ///   - small: whether the keys under `small` replace those of the file.
  ///   - read: takes the keys; called once, or twice where there is an overlay.
  /// - Throws: `RunError.invalidSpec` or `.invalidOverride`, and what `read` throws.
  public func decode<Spec>(
    small: Bool, _ read: (inout SpecReader) throws -> Spec
  ) throws -> (spec: Spec, resolved: ResolvedSpec) {
    let wanted = try decodeOnce(small: small, read)
    if root[Self.overlayKey] != nil { _ = try decodeOnce(small: !small, read) }
    return wanted
  }

  private func decodeOnce<Spec>(
    small: Bool, _ read: (inout SpecReader) throws -> Spec
  ) throws -> (spec: Spec, resolved: ResolvedSpec) {
    let (root, origins) = try composed(small: small)
    var reader = SpecReader(root, file: file, origins: origins)
    _ = try reader.string("probe")
    let spec = try read(&reader)
    return (spec, try reader.finish())
  }

  /// The tree with overlay and overrides, and which override each dotted key comes from.
  private func composed(small: Bool) throws -> (root: JSONObject, origins: [String: String]) {
    var tree = JSON.object(root)
    var origins: [String: String] = [:]
    func apply(_ override: Override) throws {
      tree = try setting(override.path[...], in: tree, override)
      origins[override.path.joined(separator: ".")] = override.text
    }
    // Overrides of the overlay take part in the merge; all others have the last word.
    for override in overrides where override.path[0] == Self.overlayKey { try apply(override) }
    var members = tree.objectValue ?? JSONObject()
    let overlay = members[Self.overlayKey]
    members[Self.overlayKey] = nil
    tree = .object(members)
    switch overlay {
    case .object(let overlay)?:
      if small { tree = .object(Self.merged(members, overlay)) }
    case nil, .null?: break
    case let other?:
      throw RunError.invalidSpec(
        file: file, key: Self.overlayKey,
        fact: "the overlay is \(other.summary), expected keys with values")
    }
    for override in overrides where override.path[0] != Self.overlayKey { try apply(override) }
    return (tree.objectValue ?? JSONObject(), origins)
  }

  /// The keys of `overlay` replace those of `base`; objects in both are merged, lists are replaced.
  private static func merged(_ base: JSONObject, _ overlay: JSONObject) -> JSONObject {
    var result = base
    for (key, value) in overlay {
      if let inner = value.objectValue, let outer = base[key]?.objectValue {
        result[key] = .object(merged(outer, inner))
      } else {
        result[key] = value
      }
    }
    return result
  }

  private func setting(
    _ path: ArraySlice<String>, in json: JSON, _ override: Override
  ) throws -> JSON {
    guard let key = path.first else { return override.value }
    let rest = path.dropFirst()
    switch json {
    case .object(var members):
      // A key that is not there may have a default; a reader refuses it if nobody asks for it.
      members[key] = try setting(rest, in: members[key] ?? .object(JSONObject()), override)
      return .object(members)
    case .null:
      return try setting(path, in: .object(JSONObject()), override)
    case .array(var elements):
      guard let index = Int(key), elements.indices.contains(index) else {
        throw RunError.invalidOverride(
          text: override.text,
          fact: "'\(key)' is no place in a list of \(elements.count), counted from 0")
      }
      elements[index] = try setting(rest, in: elements[index], override)
      return .array(elements)
    default:
      throw RunError.invalidOverride(
        text: override.text, fact: "there are no keys below \(json.summary) in \(file)")
    }
  }
}
