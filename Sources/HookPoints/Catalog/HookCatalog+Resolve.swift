// The edge where text becomes hook names. So far it reads full names only.
extension HookCatalog {
  public func resolve(_ text: String) throws -> [HookName] {
    guard let name = HookName(canonical: text) else {
      throw HookError.unknownName(
        text: text, model: model, nearest: nearest(to: text, among: entries.map(\.name.description))
      )
    }
    return [try entry(name).name]
  }
}
