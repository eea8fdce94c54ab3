// PatchPair: two prompts of equal length with different answers, and the places where one may be patched with the other.

import HookPoints
import ICLTasks
import TensorCore

/// A clean and a corrupt prompt.
package struct PatchPair: Sendable {
  let clean, corrupt: [Int]
  /// The first token of the right answer to the clean prompt, and of the answer it is compared with.
  let answer, contrast: Int
  /// What the pair is resampled by, and shown as.
  let query: String
  /// The positions that are patched one by one, by name.
  let places: [(name: String, position: Int)]

  /// - Throws: `RunError.invalidInput` with both token lists when the prompts differ in length.
  package init(
    clean: [Int], corrupt: [Int], answer: Int, contrast: Int, query: String,
    places: [(name: String, position: Int)], pieces: ([Int]) -> [String]
  ) throws {
    guard clean.count == corrupt.count else {
      throw RunError.invalidInput(
        subject: "the pair of '\(query)'",
        fact: "the clean prompt has \(clean.count) tokens \(pieces(clean)) and the corrupt one "
          + "\(corrupt.count) \(pieces(corrupt)); patching needs the same position in both, so give "
          + "prompts of equal length")
    }
    self.clean = clean
    self.corrupt = corrupt
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
      let clean = try dataset.inContextPrompt(set, task.template).tokenized(by: model.encoder)
      let answer = answers[set.query].token
      var found: (prompt: TokenizedPrompt, contrast: Int)?
      switch spec.corruption {
      case .otherQuery:
        var generator = SeededGenerator(
          key: "other query\u{0}\(task.name)\u{0}\(set.index)", seed: self.seed)
        for query in generator.shuffled(queries) where found == nil {
          guard !set.demonstrations.contains(query), answers[query].token != answer else {
            continue
          }
          let prompt = try dataset.task.prompt(
            task.template, showing: set.demonstrations, asking: query
          ).tokenized(by: model.encoder)
          if prompt.tokens.count == clean.tokens.count { found = (prompt, answers[query].token) }
        }
      case .shuffledLabels:
        let prompt = try dataset.shuffledLabelsPrompt(set, task.template)
          .tokenized(by: model.encoder)
        let other = set.demonstrations.map { answers[$0].token }.first { $0 != answer }
        if prompt.tokens.count == clean.tokens.count, let other { found = (prompt, other) }
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
          clean: clean.tokens, corrupt: found.prompt.tokens, answer: answer,
          contrast: found.contrast, query: dataset.task.pairs[set.query].input,
          places: Self.places(clean), pieces: { $0.map { model.encoder.tokenizer.decode([$0]) } }))
    }
    return pairs
  }

  /// The positions with a role, by the role's name.
  private static func places(_ prompt: TokenizedPrompt) -> [(name: String, position: Int)] {
    let count = prompt.roles["label"]?.count ?? 0
    let names = (0..<count).flatMap { index in
      ["input", "arrow", "label", "separator"].map { ($0, index) }
    }
    let shown = names.compactMap { role, index -> (name: String, position: Int)? in
      prompt.roles[role].flatMap {
        $0.indices.contains(index) ? ("\(role)[\(index)]", $0[index]) : nil
      }
    }
    return shown
      + ["query", "last"].compactMap { role in
        prompt.roles[role]?.first.map { (role, $0) }
      }
  }

  /// The pairs that the file spells out.
  func givenPairs(_ model: ProbeModel) throws -> [PatchPair] {
    let tokenizer = model.encoder.tokenizer
    return try spec.pairs.map { given in
      func tokens(_ text: String) throws -> [Int] { try model.encoder.promptTokens(text).map(\.id) }
      let clean = try tokens(given.clean)
      func first(_ answer: String) throws -> Int {
        let both = try tokens(given.clean + answer)
        guard both.starts(with: clean), both.count > clean.count else {
          throw RunError.invalidInput(
            subject: "the pair of '\(given.clean)'",
            fact:
              "the tokenizer joins the answer '\(answer)' with the end of the prompt; give it the "
              + "blank that stands before it")
        }
        return both[clean.count]
      }
      return try PatchPair(
        clean: clean, corrupt: try tokens(given.corrupt), answer: try first(given.answer),
        contrast: try first(given.contrast), query: given.clean,
        places: clean.indices.map { ("\($0)", $0) },
        pieces: { $0.map { tokenizer.decode([$0]) } })
    }
  }
}
