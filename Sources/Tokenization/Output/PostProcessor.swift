// What the post-processors of tokenizer.json do to one sequence of ids: special tokens before and
// behind it. ByteLevel as a post-processor only trims offsets, which are not trimmed here.

struct PostProcessor: Sendable, Equatable {
  var prefix: [Int] = []
  var suffix: [Int] = []

  static let supported = ["Sequence", "TemplateProcessing", "ByteLevel"]

  func apply(to ids: [Int]) -> [Int] { prefix + ids + suffix }

  /// This processor's tokens put around what `inner` has made.
  func around(_ inner: PostProcessor) -> PostProcessor {
    PostProcessor(prefix: prefix + inner.prefix, suffix: inner.suffix + suffix)
  }
}
