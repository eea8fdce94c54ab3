// Runs the words of a text through a model, with the memory that goes with it: a buffer to merge in and,
// when no offsets are asked for, the cache of words seen before.

struct WordEncoder {
  private let model: Model
  private var buffer: WordBuffer
  private var known: WordTable?

  init(_ model: Model, cache: WordCache, tracksLengths: Bool) {
    self.model = model
    buffer = WordBuffer(tracksLengths: tracksLengths)
    if !tracksLengths, case .bytePair = model { known = cache.take() }
  }

  /// Gives the borrowed table of known words back.
  mutating func finish(_ cache: WordCache) {
    if let table = known {
      known = nil
      cache.giveBack(table)
    }
  }

  mutating func encode(_ fragments: Fragments, into sink: inout TokenSink) throws {
    try fragments.text.bytes.withUnsafeBufferPointer { bytes in
      for range in fragments.ranges {
        let word = UnsafeBufferPointer(rebasing: bytes[range])
        if sink.tracksSources {
          try model.encode(word, into: &buffer)
          append(range, of: fragments.text, to: &sink)
        } else if let key = WordTable.Key(word), known != nil {
          if known?.appendIDs(of: key, to: &sink.ids) == true { continue }
          try model.encode(word, into: &buffer)
          sink.ids.append(contentsOf: buffer.symbols.lazy.map { Int($0) })
          known?.insert(key, buffer.symbols)
        } else {
          try model.encode(word, into: &buffer)
          sink.ids.append(contentsOf: buffer.symbols.lazy.map { Int($0) })
        }
      }
    }
  }

  private func append(_ range: Range<Int>, of text: AlignedText, to sink: inout TokenSink) {
    var start = range.lowerBound
    for (symbol, length) in zip(buffer.symbols, buffer.lengths) {
      let end = min(start + Int(length), range.upperBound)
      sink.ids.append(Int(symbol))
      sink.sources.append(text.source(of: start..<end))
      start = end
    }
  }
}
