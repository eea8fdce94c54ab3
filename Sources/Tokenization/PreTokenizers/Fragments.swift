// The words of a text on its way to the model: one text and the ranges of it that are words so far.
// Bytes outside the ranges were removed.

struct Fragments {
  var text: AlignedText
  var ranges: [Range<Int>]

  init(_ text: AlignedText) {
    ranges = text.bytes.isEmpty ? [] : [0..<text.bytes.count]
    self.text = text
  }

  /// Splits every fragment; `split` appends the non-empty pieces of one.
  mutating func split(
    _ split: (UnsafeBufferPointer<UInt8>, Range<Int>, inout [Range<Int>]) -> Void
  ) {
    let old = ranges
    var new: [Range<Int>] = []
    new.reserveCapacity(max(old.count, text.bytes.count / 4))
    text.bytes.withUnsafeBufferPointer { bytes in
      for range in old { split(bytes, range, &new) }
    }
    ranges = new
  }

  /// Rebuilds the text; `rewrite` appends what stands for one fragment.
  mutating func rewrite(_ rewrite: (AlignedText, Range<Int>, inout AlignedText) -> Void) {
    var result = AlignedText(tracksSources: text.tracksSources)
    result.reserve(text.bytes.count + ranges.count)
    var new: [Range<Int>] = []
    new.reserveCapacity(ranges.count)
    for range in ranges {
      let start = result.bytes.count
      rewrite(text, range, &result)
      if result.bytes.count > start { new.append(start..<result.bytes.count) }
    }
    text = result
    ranges = new
  }
}
