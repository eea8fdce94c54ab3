// How much of a JSON file is taken: a file of a few bytes must not cost a stack, nor one of a hundred
// megabytes gigabytes. The default lies well above every tokenizer and header known.

/// Bounds on a JSON document, checked while it is read.
public struct JSONLimits: Sendable, Equatable {
  /// How deep arrays and objects may lie in one another.
  public var depth: Int
  /// The size of the document in bytes.
  public var bytes: Int
  /// How many values, at all depths, it may hold.
  public var values: Int

  /// - Parameters:
  ///   - depth: at most 512, so that reading fits on the stack.
  ///   - bytes: of the whole document.
  ///   - values: at all depths together.
  public init(
    depth: Int = InputLimits.jsonDepth, bytes: Int = InputLimits.jsonFile,
    values: Int = InputLimits.jsonValues
  ) {
    precondition(depth >= 0 && depth <= 512, "a depth of \(depth) does not fit on the stack")
    self.depth = depth
    self.bytes = bytes
    self.values = values
  }

  /// The bounds of `InputLimits`.
  public static let `default` = JSONLimits()
}
