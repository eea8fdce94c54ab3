// StoryCorpus: text to train small language models on, drawn from a seeded grammar of simple stories. It has what momentum
// attention could help with, regularities over every distance: verbs agree with subjects across a clause; who somebody
// is, where they live and what colour their things have is said once and comes back many sentences later.

import TensorCore

/// Texts of stories, each a pure function of seed, stream and index.
package struct StoryCorpus: Sendable {
  package let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  private static let girls = ["Ada", "Nora", "Mina", "Lotte", "Ines", "Vera"]
  private static let boys = ["Otto", "Emil", "Jonas", "Pavel", "Nils", "Karl"]
  private static let places = ["village", "forest", "harbour", "mill", "valley", "castle"]
  private static let things = ["boat", "lamp", "coat", "drum", "kite", "basket", "ladder", "bell"]
  private static let colours = ["red", "blue", "green", "white", "black", "yellow"]
  private static let deeds = ["carries", "cleans", "mends", "hides", "finds", "paints"]
  /// Singular, plural, and the verb of each number.
  private static let animals = [
    ("fox", "foxes"), ("goat", "goats"), ("owl", "owls"), ("horse", "horses"), ("duck", "ducks"),
  ]
  private static let acts = [
    ("sees", "see"), ("follows", "follow"), ("hears", "hear"), ("knows", "know"),
  ]
  private static let rests = [("sleeps", "sleep"), ("waits", "wait"), ("sings", "sing")]

  /// A text of exactly `length` words: stories one after another, each ended by a line end, the last one cut.
  package func words(_ stream: String, _ index: Int, length: Int) -> [String] {
    var generator = SeededGenerator(key: "stories\u{0}\(stream)\u{0}\(index)", seed: seed)
    var words: [String] = []
    while words.count < length { words += Self.story(&generator) }
    return Array(words.prefix(length))
  }

  /// Every word that a story can have.
  package static var vocabulary: [String] {
    girls + boys + places + things + colours + deeds
      + (animals + acts + rests).flatMap { [$0, $1] }
      + "lives in the . has a with him her he she comes home to and that near they".split(
        separator: " "
      ).map(String.init)
  }

  private static func story(_ generator: inout SeededGenerator) -> [String] {
    func any<Element>(_ list: [Element]) -> Element {
      list[generator.uniformInteger(below: list.count)]
    }
    let isGirl = generator.uniform() < 0.5
    let (hero, pronoun) = (any(isGirl ? girls : boys), isGirl ? "she" : "he")
    let home = any(places)
    let owned = generator.sample(3, from: things).map { ($0, any(colours)) }
    var words = [hero, "lives", "in", "the", home, "."]
    for (thing, colour) in owned { words += [hero, "has", "a", colour, thing, "."] }
    for _ in 0..<(3 + generator.uniformInteger(below: 6)) {
      switch generator.uniformInteger(below: 3) {
      case 0:
        let (thing, colour) = any(owned)
        words += [pronoun, any(deeds), "the", colour, thing, "."]
      case 1:
        // The outer verb agrees with the first noun, the inner one with the second.
        let (first, second) = (any(animals), any(animals))
        let (many, others) = (generator.uniform() < 0.5, generator.uniform() < 0.5)
        let (act, rest) = (any(acts), any(rests))
        words += ["the", many ? first.1 : first.0, "that", "the", others ? second.1 : second.0]
        words += ["near", "the", any(places), others ? act.1 : act.0, many ? rest.1 : rest.0, "."]
      default: words += [pronoun, "comes", "home", "to", "the", home, "."]
      }
    }
    let (thing, colour) = any(owned)
    return words + [hero, any(deeds), "the", colour, thing, "in", "the", home, ".", "\n"]
  }
}
