// A text on its way to ids: cut at added tokens, normalized, cut at those added tokens that are
// matched normalized, cut into words, each word through the model. Offsets follow along when asked
// for.

import CheckpointIO

/// The ids of a text as they come, and where each came from.
struct TokenSink {
  var ids: [Int] = []
  var sources: [SourceRange] = []
  let tracksSources: Bool
}

struct Pipeline: Sendable {
  let addedTokens: AddedTokens
  let normalizer: Normalizer?
  let preTokenizers: [PreTokenizer]
  let model: Model
  let cache: WordCache

  func encode(_ text: String, tracksSources: Bool) throws -> TokenSink {
    var text = text
    return try text.withUTF8 { bytes in
      guard bytes.count < Int(Int32.max) else {
        throw TokenizationError.textTooLong(bytes: bytes.count)
      }
      var sink = TokenSink(tracksSources: tracksSources)
      var encoder = WordEncoder(model, cache: cache, tracksLengths: tracksSources)
      defer { encoder.finish(cache) }
      for section in addedTokens.verbatimSections(bytes) {
        if let id = section.id {
          sink.ids.append(id)
          if tracksSources { sink.sources.append(Self.source(section.range)) }
        } else {
          try encode(section.range, of: bytes, &encoder, into: &sink)
        }
      }
      return sink
    }
  }

  private static func source(_ range: Range<Int>) -> SourceRange {
    SourceRange(lower: Int32(range.lowerBound), upper: Int32(range.upperBound))
  }

  /// Encodes a stretch of the text between two verbatim added tokens.
  private func encode(
    _ range: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>, _ encoder: inout WordEncoder,
    into sink: inout TokenSink
  ) throws {
    let needsSources = sink.tracksSources || preTokenizers.contains(where: \.needsSources)
    var text = AlignedText(copying: range, of: bytes, tracksSources: needsSources)
    normalizer?.apply(to: &text)
    let sections = text.bytes.withUnsafeBufferPointer { addedTokens.normalizedSections($0) }
    for section in sections {
      if let id = section.id {
        sink.ids.append(id)
        if sink.tracksSources { sink.sources.append(text.source(of: section.range)) }
        continue
      }
      var part = text
      if sections.count > 1 {
        part = AlignedText(tracksSources: needsSources)
        part.append(section.range, of: text)
      }
      var fragments = Fragments(part)
      for preTokenizer in preTokenizers { preTokenizer.apply(to: &fragments) }
      if model.cutsAtMetaspace { fragments.cutAtMetaspace() }
      try encoder.encode(fragments, with: model, into: &sink)
    }
  }
}

extension Fragments {
  /// Cuts before every U+2581 that does not follow another.
  fileprivate mutating func cutAtMetaspace() {
    split { bytes, range, pieces in
      var start = range.lowerBound
      var isAfterMetaspace = true
      var index = range.lowerBound
      while index < range.upperBound {
        let length = UTF8Reading.length(lead: bytes[index])
        let isMetaspace =
          length == 3 && bytes[index] == 0xE2 && bytes[index + 1] == 0x96
          && bytes[index + 2] == 0x81
        if isMetaspace, !isAfterMetaspace {
          pieces.append(start..<index)
          start = index
        }
        isAfterMetaspace = isMetaspace
        index += length
      }
      pieces.append(start..<range.upperBound)
    }
  }
}
