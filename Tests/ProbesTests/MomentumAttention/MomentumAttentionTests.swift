// Momentum attention's probe: the stories keep their own rules, and trainings are the same bytes whenever they are done.

import CheckpointIO
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct StoryCorpusTests {
  private let corpus = StoryCorpus(seed: 4)

  private func stories(_ count: Int) -> [[String]] {
    let words = corpus.words("training", 0, length: count)
    return words.split(separator: "\n").dropLast().map { Array($0) }
  }

  @Test func draws() {
    let text = corpus.words("training", 3, length: 256)
    #expect(text.count == 256 && text == StoryCorpus(seed: 4).words("training", 3, length: 256))
    // A longer text begins with the shorter one; streams, indices and seeds differ.
    #expect(Array(corpus.words("training", 3, length: 500).prefix(256)) == text)
    for other in [
      corpus.words("test", 3, length: 256), corpus.words("training", 4, length: 256),
      StoryCorpus(seed: 5).words("training", 3, length: 256),
    ] { #expect(other != text) }
    let vocabulary = Set(StoryCorpus.vocabulary + ["\n"])
    #expect(Set(corpus.words("test", 0, length: 20_000)).isSubset(of: vocabulary))
  }

  /// What was said once holds to the story's end: colours, the place, who it is about.
  @Test func whatWasSaidHolds() throws {
    let all = stories(20_000)
    #expect(all.count > 100)
    for story in all {
      let sentences = story.split(separator: ".").map { Array($0) }
      let hero = try #require(sentences.first?.first)
      let home = try #require(sentences.first?.last)
      var colours: [String: String] = [:]
      for sentence in sentences.dropFirst() {
        if sentence.count == 5, sentence[1] == "has" {
          #expect(sentence[0] == hero)
          colours[sentence[4]] = sentence[3]
        } else if sentence[1] == "comes" {
          #expect(sentence.last == home)
        } else if sentence[0] != "the" {
          #expect(colours[sentence[4]] == sentence[3])
        }
      }
      #expect(colours.count == 3)
      #expect(Set(story.filter { ["he", "she"].contains($0) }).count <= 1)
    }
  }

  /// The outer verb agrees with the first noun, the inner verb with the second.
  @Test func verbsAgree() {
    var seen: Set<[Bool]> = []
    for story in stories(20_000) {
      for sentence in story.split(separator: ".").map({ Array($0) }) where sentence[0] == "the" {
        let numbers = [1, 4].map { sentence[$0].hasSuffix("s") }
        let verbs = [sentence[9], sentence[8]].map { !$0.hasSuffix("s") }
        // "horse" and "horses": only plurals of these nouns end in s.
        #expect(numbers == verbs, "\(sentence)")
        seen.insert(numbers)
      }
    }
    #expect(seen.count == 4)
  }
}

@Suite struct MomentumTrainingTests {
  private static let json: JSON = [
    "probe": "momentum-attention", "decays": [0, 0.5], "seeds": [3],
    "model": ["layers": 1, "width": 16, "heads": 2, "mlp_width": 24], "steps": 3, "prompts": 3,
    "texts": 1, "text_length": 32, "lengths": [8, 16], "test_texts": 2, "shots": [0, 2],
    "test_sets": 2, "tasks": ["next_letter", "to_upper"], "warmup": 1,
  ]

  /// The digest of each cell's weights, and its rows.
  private func run(threads: Int) throws -> [String: (digest: String, rows: [ResultRow])] {
    var tree = try SpecTree(Self.json, file: "p")
    try tree.set("tasks_folder", to: .string("\(packageFolder)/data/tasks"))
    let prepared = try ProbeRegistry.prepare(
      tree, small: false, on: ComputeContext(threads: threads))
    var found: [String: (String, [ResultRow])] = [:]
    // From the last to the first: a cell does not depend on those before it.
    for cell in threads == 1 ? prepared.plan.cells : prepared.plan.cells.reversed() {
      let output = try prepared.work(cell)
      found[cell.key] = (
        output.notes.facts["weights_sha256"]?.stringValue ?? "", output.results
      )
    }
    return found
  }

  @Test func bytes() throws {
    let (one, two) = (try run(threads: 1), try run(threads: 2))
    #expect(one.count == 6)
    for (key, own) in one {
      #expect(own.digest.count == 64 && own.digest == two[key]?.digest, "\(key)")
      #expect(own.rows == two[key]?.rows, "\(key)")
    }
    for attention in ["softmax", "linear"] {
      func digest(_ name: String) -> String? { one["\(attention)/\(name)/seed 3"]?.digest }
      // Momentum that keeps nothing is no momentum, to the bit, through training.
      #expect(digest("momentum 0.0") == digest("plain"))
      #expect(digest("momentum 0.5") != digest("plain"))
    }
  }
}
