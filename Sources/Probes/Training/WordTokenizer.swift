// WordTokenizer: the tokenizer.json of a model that is trained here: one token a word, arrows, commas and line ends
// apart. Hugging Face tokenizers reads the same file and gives the same ids.

import CheckpointIO
import ICLTasks

enum WordTokenizer {
  static let unknown = "<unk>"
  private static let marks = ["->", "\n", ","]

  /// The file for the words of some texts: the unknown token, the marks, then the words in the order of their bytes.
  static func file(for texts: some Sequence<String>) -> JSON {
    var words: Set<String> = []
    for text in texts {
      for piece in split(text) where !marks.contains(piece) { words.insert(piece) }
    }
    let sorted = words.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let vocabulary = ([unknown] + marks + sorted).enumerated().map { ($1, JSON.integer($0)) }
    func splitter(_ text: String, _ behavior: String) -> JSON {
      [
        "type": "Split", "pattern": ["String": .string(text)], "behavior": .string(behavior),
        "invert": false,
      ]
    }
    return [
      "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": [],
      "normalizer": .null,
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": .array(
          marks.map { splitter($0, "Isolated") } + [splitter(" ", "Removed")]),
      ],
      "post_processor": .null, "decoder": .null,
      "model": [
        "type": "WordLevel", "vocab": .object(JSONObject(vocabulary)),
        "unk_token": .string(unknown),
      ],
    ]
  }

  /// The words of a text: cut at blanks, which are dropped, and around marks.
  private static func split(_ text: String) -> [String] {
    var spaced = text
    for mark in marks {
      var parts: [String] = []
      var rest = spaced[...]
      while let range = rest.firstRange(of: mark) {
        parts.append(String(rest[..<range.lowerBound]))
        rest = rest[range.upperBound...]
      }
      parts.append(String(rest))
      spaced = parts.joined(separator: " \(mark == "\n" ? "\u{0}" : mark) ")
    }
    return spaced.split(separator: " ").map { $0 == "\u{0}" ? "\n" : String($0) }
  }
}
