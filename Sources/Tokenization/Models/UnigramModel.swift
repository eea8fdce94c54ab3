// SentencePiece's unigram model as Hugging Face tokenizers runs it: of all ways to write a word as pieces the one of
// the highest total score, found by the algorithm of Viterbi.

import CheckpointIO

struct UnigramModel: WordModel {
  let vocabulary: Vocabulary
  /// Log-probabilities, by id.
  let scores: [Double]
  let unknown: Int?
  /// The id of each byte's token `<0x00>`…`<0xFF>`; -1 where there is none. Empty without byte fallback.
  let byteFallback: [Int32]
  private let trie: PieceTrie
  private let unknownScore: Double

  /// How much less than the least likely piece a character without one counts.
  private static let penalty = 10.0

  init(vocabulary: Vocabulary, scores: [Double], unknown: Int?, usesByteFallback: Bool) {
    self.vocabulary = vocabulary
    self.scores = scores
    self.unknown = unknown
    byteFallback = usesByteFallback ? BytePairModel.byteTokens(vocabulary) : []
    trie = PieceTrie(vocabulary)
    unknownScore = (scores.min() ?? .infinity) - Self.penalty
  }

  /// The best way to write the word up to one of its bytes.
  private struct Ending {
    var score = 0.0
    /// Where its last token begins; -1 where there is no way yet.
    var start: Int32 = -1
    var id: Int32 = 0
  }

  /// Writes the tokens of a word, which is not empty, into `buffer`.
  ///
  /// - Throws: `TokenizationError.inexpressible` for a character without a piece where no token stands for the unknown.
  func encode(_ word: UnsafeBufferPointer<UInt8>, into buffer: inout WordBuffer) throws {
    buffer.clear()
    try withUnsafeTemporaryAllocation(of: Ending.self, capacity: word.count + 1) { endings in
      endings.initialize(repeating: Ending())
      try findBest(word, endings)
      // Backwards, the starts become ends: from each token the next one is found.
      var end = word.count
      var following = Ending()
      while end > 0 {
        let ending = endings[end]
        endings[end] = following
        following = Ending(start: Int32(end), id: ending.id)
        end = Int(ending.start)
      }
      endings[0] = following
      emit(word, endings, into: &buffer)
    }
  }

  private func findBest(
    _ word: UnsafeBufferPointer<UInt8>, _ endings: UnsafeMutableBufferPointer<Ending>
  ) throws {
    var start = 0
    while start < word.count {
      let score = endings[start].score
      let length = UTF8Reading.length(lead: word[start])
      var hasCharacter = false
      func offer(_ end: Int, _ id: Int, _ score: Double) {
        if endings[end].start < 0 || score > endings[end].score {
          endings[end] = Ending(score: score, start: Int32(start), id: Int32(id))
        }
      }
      trie.forEachPiece(in: word, from: start) { end, id in
        offer(end, id, scores[id] + score)
        if end - start == length { hasCharacter = true }
      }
      if !hasCharacter {
        guard let unknown else {
          throw TokenizationError.inexpressible(
            text: String(decoding: word[start..<start + length], as: UTF8.self),
            remedy: "change the text or use a tokenizer that covers it")
        }
        offer(start + length, unknown, unknownScore + score)
      }
      start += length
    }
  }

  /// Writes the tokens: where one begins are its id and, as `start`, where the next one does.
  private func emit(
    _ word: UnsafeBufferPointer<UInt8>, _ endings: UnsafeMutableBufferPointer<Ending>,
    into buffer: inout WordBuffer
  ) {
    var start = 0
    while start < word.count {
      let id = Int(endings[start].id)
      var end = Int(endings[start].start)
      guard id == unknown else {
        buffer.append(UInt32(id), length: end - start)
        start = end
        continue
      }
      // A run of unknown characters is one token, unless it is a piece or has its bytes.
      while end < word.count, Int(endings[end].id) == unknown { end = Int(endings[end].start) }
      let run = UnsafeBufferPointer(rebasing: word[start..<end])
      if let piece = vocabulary.id(of: run) {
        buffer.append(UInt32(piece), length: run.count)
      } else if !byteFallback.isEmpty, run.allSatisfy({ byteFallback[Int($0)] >= 0 }) {
        for byte in run { buffer.append(UInt32(byteFallback[Int(byte)]), length: 1) }
      } else {
        buffer.append(UInt32(id), length: run.count)
      }
      start = end
    }
  }
}
