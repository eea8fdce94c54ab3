// HookReference: a hook as a plan holds it: a name, or text from a file whose model is not open yet.
// The text is resolved once, by HookCatalog.resolve(_:), when the plan meets its model.

/// The hook or hooks that a read or an intervention is about.
public enum HookReference: Hashable, Sendable {
  case name(HookName)
  /// Anything `HookCatalog.resolve(_:)` reads: aliases, wildcards, negative layers.
  case text(String)

  /// A canonical name becomes `.name`, so that equal plans compare equal.
  public init(_ text: String) {
    if let name = HookName(canonical: text) { self = .name(name) } else { self = .text(text) }
  }
}

extension HookReference: CustomStringConvertible {
  public var description: String {
    switch self {
    case .name(let name): name.description
    case .text(let text): text
    }
  }
}

extension HookReference: Codable {
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension HookCatalog {
  /// The hooks a reference means, in firing order, at least one.
  public func resolve(_ reference: HookReference) throws -> [HookName] {
    switch reference {
    case .name(let name): [try entry(name).name]
    case .text(let text): try resolve(text)
    }
  }
}
