// A pair of prompts that cannot be patched position by position is refused.

import Probes
import Testing

@Suite struct PatchPairTests {
  @Test func unequalLengthsAreRefused() throws {
    do {
      _ = try PatchPair(
        clean: [1, 2, 3], corrupt: [1, 2], texts: ("1 2 3", "1 2"), answer: 0, contrast: 1,
        query: "q", places: [],
        pieces: { $0.map { "t\($0)" } })
      Issue.record("prompts of 3 and 2 tokens were accepted")
    } catch {
      let message = "\(error)"
      #expect(message.contains(#"["t1", "t2", "t3"]"#) && message.contains(#"["t1", "t2"]"#))
    }
  }
}
