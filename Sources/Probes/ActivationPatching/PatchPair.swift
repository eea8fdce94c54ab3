// PatchPair: two prompts of equal length with different answers, and the places where one may be patched with the other.

import HookPoints
import ICLTasks
import TensorCore

/// A clean and a corrupt prompt.
package struct PatchPair: Sendable {
  let clean, corrupt: [Int]
  let texts: (clean: String, corrupt: String)
  /// The first token of the right answer to the clean prompt, and of the answer it is compared with.
  let answer, contrast: Int
  /// What the pair is resampled by, and shown as.
  let query: String
  /// The positions that are patched one by one, by name.
  let places: [(name: String, position: Int)]

  /// - Throws: `RunError.invalidInput` with both token lists when the prompts differ in length.
  package init(
    clean: [Int], corrupt: [Int], texts: (clean: String, corrupt: String), answer: Int,
    contrast: Int, query: String,
    places: [(name: String, position: Int)], pieces: ([Int]) -> [String]
  ) throws {
    guard clean.count == corrupt.count else {
      throw RunError.invalidInput(
        subject: "the pair of '\(query.onOneLine)'",
        fact: "the clean prompt has \(clean.count) tokens \(pieces(clean)) and the corrupt one "
          + "\(corrupt.count) \(pieces(corrupt)); patching needs the same position in both, so give "
          + "prompts of equal length")
    }
    self.clean = clean
    self.corrupt = corrupt
    self.texts = texts
    self.answer = answer
    self.contrast = contrast
    self.query = query
    self.places = places
  }

  /// What pushes the answer against the contrast: logit(answer) − logit(contrast).
  func metric(_ logits: [Float]) -> Double { Double(logits[answer]) - Double(logits[contrast]) }
}

extension ActivationPatchingProbe {
  /// The pairs that a task gives.
  func pairs(of task: ReadyTask, _ model: ProbeModel, notes: inout CellNotes) throws -> [PatchPair]
  {
    let (dataset, answers) = (task.dataset, task.answerable.answers)
    let queries = dataset.queries(of: .test)
    var pairs: [PatchPair] = []
    for set in dataset.demonstrationSets(.test, count: self.testSets) {
      let asked = dataset.inContextPrompt(set, task.template)
      let clean = try asked.tokenized(by: model.encoder)
      let answer = answers[set.query].token
      var found: (prompt: TokenizedPrompt, text: String, contrast: Int)?
      switch spec.corruption {
      case .otherQuery:
        var generator = SeededGenerator(
          key: "other query\u{0}\(task.name)\u{0}\(set.index)", seed: self.seed)
        for query in generator.shuffled(queries) where found == nil {
          guard !set.demonstrations.contains(query), answers[query].token != answer else {
            continue
          }
          let corrupt = dataset.task.prompt(
            task.template, showing: set.demonstrations, asking: query)
          let prompt = try corrupt.tokenized(by: model.encoder)
          if prompt.tokens.count == clean.tokens.count {
            found = (prompt, corrupt.text, answers[query].token)
          }
        }
      case .shuffledLabels:
        let corrupt = dataset.shuffledLabelsPrompt(set, task.template)
        let prompt = try corrupt.tokenized(by: model.encoder)
        let other = set.demonstrations.map { answers[$0].token }.first { $0 != answer }
        if prompt.tokens.count == clean.tokens.count, let other {
          found = (prompt, corrupt.text, other)
        }
      }
      guard let found else {
        notes.dropped.append(
          Dropped(
            "set \(set.index) of \(task.name)", count: 1,
            why: "no corrupt prompt of as many tokens with another answer"))
        continue
      }
      pairs.append(
        try PatchPair(
          clean: clean.tokens, corrupt: found.prompt.tokens,
          texts: (asked.text, found.text), answer: answer, contrast: found.contrast,
          query: dataset.task.pairs[set.query].input,
          places: clean.places, pieces: { $0.map { model.encoder.tokenizer.decode([$0]) } }))
    }
    return pairs
  }

  /// The pairs that the file spells out.
  func givenPairs(_ model: ProbeModel) throws -> [PatchPair] {
    let tokenizer = model.encoder.tokenizer
    return try spec.pairs.map { given in
      func tokens(_ text: String) throws -> [Int] { try model.encoder.promptTokens(text).map(\.id) }
      let clean = try tokens(given.clean)
      return try PatchPair(
        clean: clean, corrupt: try tokens(given.corrupt), texts: (given.clean, given.corrupt),
        answer: try model.encoder.firstToken(of: given.answer, after: given.clean),
        contrast: try model.encoder.firstToken(of: given.contrast, after: given.clean),
        query: given.clean,
        places: clean.indices.map { ("\($0)", $0) },
        pieces: { $0.map { tokenizer.decode([$0]) } })
    }
  }
}

extension PromptEncoder {
  /// The first token of an answer that a probe file spells out, where it stands.
  ///
  /// - Throws: `RunError.invalidInput` where the tokenizer joins prompt and answer.
  func firstToken(of answer: String, after prompt: String) throws -> Int {
    let before = try promptTokens(prompt).map(\.id)
    let both = try promptTokens(prompt + answer).map(\.id)
    guard both.starts(with: before), both.count > before.count else {
      throw RunError.invalidInput(
        subject: "the prompt '\(prompt.onOneLine)'",
        fact:
          "the tokenizer joins the answer '\(answer)' with its end; give it the blank that stands "
          + "before it")
    }
    return both[before.count]
  }
}

extension String {
  /// With its new lines spelled out, for messages.
  var onOneLine: String { replacing("\n", with: "\\n") }
}

extension TokenizedPrompt {
  /// The positions with a role, by the role's name, in the order of the text.
  var places: [(name: String, position: Int)] {
    let count = roles["label"]?.count ?? 0
    let names = (0..<count).flatMap { index in
      ["input", "arrow", "label", "separator"].map { ($0, index) }
    }
    let shown = names.compactMap { role, index -> (name: String, position: Int)? in
      roles[role].flatMap {
        $0.indices.contains(index) ? ("\(role)[\(index)]", $0[index]) : nil
      }
    }
    return shown
      + ["query", "last"].compactMap { role in roles[role]?.first.map { (role, $0) } }
  }
}
