// Runs the words of a text through a model, with the memory that goes with it: a buffer to merge in
// and, when no offsets are asked for, the cache of words seen before.

/// Turns one word into tokens; what each kind of model is to the encoder.
protocol WordModel: Sendable {
  /// Writes the tokens of a word, which is not empty, into `buffer`.
  func encode(_ word: UnsafeBufferPointer<UInt8>, into buffer: inout WordBuffer) throws
}

struct WordEncoder {
  private var buffer: WordBuffer
  private var known: WordTable?

  init(_ model: Model, cache: WordCache, tracksLengths: Bool) {
    buffer = WordBuffer(tracksLengths: tracksLengths)
    if case .wordLevel = model { return }
    if !tracksLengths { known = cache.take() }
  }

  /// Gives the borrowed table of known words back.
  mutating func finish(_ cache: WordCache) {
    if let table = known {
      known = nil
      cache.giveBack(table)
    }
  }

  /// Appends the tokens of all fragments; the model is chosen once, not once a word.
  mutating func encode(
    _ fragments: Fragments, with model: Model, into sink: inout TokenSink
  ) throws {
    switch model {
    case .bytePair(let model): try encodeWords(of: fragments, with: model, into: &sink)
    case .unigram(let model): try encodeWords(of: fragments, with: model, into: &sink)
    case .wordLevel(let model): try encodeWords(of: fragments, with: model, into: &sink)
    }
  }

  private mutating func encodeWords(
    of fragments: Fragments, with model: some WordModel, into sink: inout TokenSink
  ) throws {
    if sink.tracksSources {
      return try Self.appendWithSources(fragments, model, &buffer, to: &sink)
    }
    guard var table = known.take() else {
      return try Self.append(fragments, model, &buffer, to: &sink.ids)
    }
    defer { known = table }
    try Self.append(fragments, model, &buffer, &table, to: &sink.ids)
  }

  // The loops take the memory they need apart from one another: through `self` each word would pay
  // for a copy.

  private static func append(
    _ fragments: Fragments, _ model: some WordModel, _ buffer: inout WordBuffer,
    to ids: inout [Int]
  ) throws {
    try fragments.text.bytes.withUnsafeBufferPointer { bytes in
      for range in fragments.ranges {
        try model.encode(UnsafeBufferPointer(rebasing: bytes[range]), into: &buffer)
        for symbol in buffer.symbols { ids.append(Int(symbol)) }
      }
    }
  }

  private static func append(
    _ fragments: Fragments, _ model: some WordModel, _ buffer: inout WordBuffer,
    _ known: inout WordTable, to ids: inout [Int]
  ) throws {
    try fragments.text.bytes.withUnsafeBufferPointer { bytes in
      for range in fragments.ranges {
        let word = UnsafeBufferPointer(rebasing: bytes[range])
        let key = WordTable.Key(word)
        if let key, known.appendIDs(of: key, to: &ids) { continue }
        try model.encode(word, into: &buffer)
        for symbol in buffer.symbols { ids.append(Int(symbol)) }
        if let key { known.insert(key, buffer.symbols) }
      }
    }
  }

  private static func appendWithSources(
    _ fragments: Fragments, _ model: some WordModel, _ buffer: inout WordBuffer,
    to sink: inout TokenSink
  ) throws {
    try fragments.text.bytes.withUnsafeBufferPointer { bytes in
      for range in fragments.ranges {
        try model.encode(UnsafeBufferPointer(rebasing: bytes[range]), into: &buffer)
        var start = range.lowerBound
        for index in buffer.symbols.indices {
          let end = min(start + Int(buffer.lengths[index]), range.upperBound)
          sink.ids.append(Int(buffer.symbols[index]))
          sink.sources.append(fragments.text.source(of: start..<end))
          start = end
        }
      }
    }
  }
}
