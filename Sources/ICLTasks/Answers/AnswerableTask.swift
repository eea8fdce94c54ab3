// Which pairs of a task a tokenizer can express, and the token each answer begins with.
//
// This is where pairs are dropped, each with its reason; nothing later drops any.

/// Which answers a run keeps.
public enum AnswerPolicy: String, Sendable, Equatable, Codable, CaseIterable {
  /// Only answers of exactly one token, as in Hendel et al.
  case singleToken = "single_token"
  /// Every answer, represented by its first token.
  case firstToken = "first_token"
  /// Every answer, with all its tokens.
  case whole
  /// The paper's own mixture, by category: `first_token` for knowledge, `single_token` for everything else.
  ///
  /// - Source: Hendel et al. 2023, icl_task_vectors, core/data/task_helpers.py.
  case hendel

  /// The policy for a category.
  public func policy(for category: String) -> AnswerPolicy {
    guard self == .hendel else { return self }
    return category == "knowledge" ? .firstToken : .singleToken
  }
}

/// Whether inputs and answers get a blank before them, as in " k-> v".
public enum LeadingSpace: String, Sendable, Equatable, Codable, CaseIterable {
  /// As in Hendel et al.: with the blank, if at least 70 % as many answers are one token with it as
  /// without it (and at least one is). Without it where the template has a blank there already, or
  /// where the tokenizer gives the same tokens either way.
  case auto
  case never
  case always
}

/// A task as one tokenizer and template can express it.
///
/// An answer is judged where it stands: the tokens of the zero-shot prompt, followed by those of the
/// answer. A pair is kept if adding the answer leaves the prompt's own tokens as they were, nothing
/// in it is outside the vocabulary, and the answer is one token (or at least one, with
/// `AnswerPolicy.firstToken`).
///
/// Hendel et al. filter mappings other than knowledge by the tokens of "!" + word, which asks the
/// same question of one fixed context. They leave the knowledge tasks unfiltered and score them by
/// prefix: `AnswerPolicy.hendel` with `AnswerRule.hendel` does both.
public struct AnswerableTask: Sendable, Equatable {
  /// Why a pair was dropped.
  public enum Reason: String, Sendable, Equatable, Codable, CaseIterable {
    /// The answer is two tokens or more, and the policy asks for one.
    case severalTokens = "answer_has_several_tokens"
    /// The prompt or the answer contains text outside the vocabulary.
    case unknownToken = "unknown_token"
    /// The tokenizer joins the end of the prompt with the beginning of the answer.
    case joinsPrompt = "answer_joins_prompt"
    /// The tokenizer gives the answer no token.
    case noToken = "answer_has_no_token"
  }

  /// A pair that was dropped.
  public struct Dropped: Sendable, Equatable, Codable {
    /// What was asked.
    public let input: String
    /// Its answer.
    public let output: String
    /// Why it cannot be asked.
    public let reason: Reason

    public init(input: String, output: String, reason: Reason) {
      self.input = input
      self.output = output
      self.reason = reason
    }
  }

  /// What counts as right for one pair, in tokens.
  public struct Answer: Sendable, Equatable {
    /// The first token of the output in the prompt's context: the target of losses and ranks.
    public let token: Int
    /// The first tokens of the output and of every further right answer that can be expressed
    /// under the policy; `token` first, without repeats.
    public let acceptedTokens: [Int]
    /// All tokens of the output and of every further right answer; only the first of each unless the policy is
    /// `whole`. The output's come first.
    public let accepted: [[Int]]

    public init(token: Int, acceptedTokens: [Int], accepted: [[Int]]? = nil) {
      self.token = token
      self.acceptedTokens = acceptedTokens
      self.accepted = accepted ?? acceptedTokens.map { [$0] }
    }
  }

  /// The task with the pairs that were kept, in file order.
  public let task: ICLTask
  /// The template to render with: the one given, or its leading-space variant.
  public let template: PromptTemplate
  /// What the policy comes to for the task's category; never `hendel`.
  public let policy: AnswerPolicy
  /// One answer per pair of `task`.
  public let answers: [Answer]
  /// The pairs that were dropped, in file order.
  public let dropped: [Dropped]
  /// Whether `template` is the leading-space variant.
  public let usesLeadingSpace: Bool

  /// Sorts the pairs of a task into those that can be used and those that cannot.
  ///
  /// - Throws: what the tokenizer throws. A task of which nothing is left is not an error here.
  public init(
    _ task: ICLTask, template: PromptTemplate, tokenizer: some PromptTokenizer,
    policy: AnswerPolicy = .singleToken, leadingSpace: LeadingSpace = .auto
  ) throws {
    let policy = policy.policy(for: task.category)
    let plain = try Judgement(task, template, tokenizer)
    var chosen = plain
    if leadingSpace != .never, template.answerBlank.isEmpty {
      let spaced = try Judgement(task, template.withLeadingSpace, tokenizer)
      let keepsEnough =
        spaced.singleTokenCount > 0
        && spaced.singleTokenCount * 10 >= plain.singleTokenCount * 7
      let differs = spaced.verdicts.map(\.tokens) != plain.verdicts.map(\.tokens)
      if leadingSpace == .always || (keepsEnough && differs) { chosen = spaced }
    }

    var kept: [ICLTask.Pair] = []
    var answers: [Answer] = []
    var dropped: [Dropped] = []
    for (pair, verdict) in zip(task.pairs, chosen.verdicts) {
      switch verdict.outcome(under: policy) {
      case .failure(let refusal):
        dropped.append(Dropped(input: pair.input, output: pair.output, reason: refusal.reason))
      case .success(let tokens):
        var all = [tokens]
        for alternative in pair.accept {
          let other = try Verdict(pair.input, alternative, chosen.template, tokenizer)
          if case .success(let tokens) = other.outcome(under: policy), !all.contains(tokens) {
            all.append(tokens)
          }
        }
        kept.append(pair)
        var first: [Int] = []
        for answer in all where !first.contains(answer[0]) { first.append(answer[0]) }
        answers.append(Answer(token: tokens[0], acceptedTokens: first, accepted: all))
      }
    }
    self.task = task.keeping(kept)
    self.template = chosen.template
    self.policy = policy
    self.answers = answers
    self.dropped = dropped
    usesLeadingSpace = chosen.template != template
  }

  /// How many pairs were dropped for each reason, reasons without pairs left out, in the order of
  /// `Reason.allCases`.
  public var droppedCounts: [(reason: Reason, count: Int)] {
    Reason.allCases.compactMap { reason in
      let count = dropped.count { $0.reason == reason }
      return count == 0 ? nil : (reason, count)
    }
  }

  /// An error about too few pairs, with those that were dropped and what would keep them.
  public func explained(_ error: TaskError) -> TaskError {
    guard case .tooFewPairs(let task, let found, let needed, let why) = error else { return error }
    let lost = droppedCounts.map { reason, count in
      let remedy =
        switch reason {
        case .severalTokens: ", which the answer first_token would keep"
        case .unknownToken:
          ", of words that the tokenizer does not know; another template (arrow, hendel, todd) may have none"
        case .joinsPrompt, .noToken: ""
        }
      return "; \(count) pairs were dropped: \(reason.rawValue)\(remedy)"
    }
    return .tooFewPairs(task: task, found: found, needed: needed, why: why + lost.joined())
  }

  /// Whether a prediction is right for a pair.
  ///
  /// With `singleToken` the decoded text is compared by `rule`. With `firstToken` the token must be the
  /// first token of the output, or under `AnswerRule.synonym` of any right answer (its text alone cannot
  /// equal an answer of several tokens); under `AnswerRule.prefix` the text decides.
  ///
  /// - Parameters:
  ///   - token: the predicted token.
  ///   - text: its decoded text.
  ///   - pair: the pair's place in `task.pairs`.
  ///   - rule: what counts as right; not `hendel`, which becomes a rule once the category is known.
  public func isCorrect(token: Int, text: String, pair: Int, rule: AnswerRule = .exact) -> Bool {
    let rule = rule.rule(for: task.category)
    if policy == .firstToken, rule != .prefix {
      return rule == .exact
        ? token == answers[pair].token : answers[pair].acceptedTokens.contains(token)
    }
    return rule.accepts(prediction: text, answers: task.pairs[pair].answers)
  }
}

/// The verdicts on all pairs of a task under one template.
private struct Judgement {
  let template: PromptTemplate
  let verdicts: [Verdict]

  init(
    _ task: ICLTask, _ template: PromptTemplate, _ tokenizer: some PromptTokenizer
  ) throws {
    self.template = template
    verdicts = try task.pairs.map { try Verdict($0.input, $0.output, template, tokenizer) }
  }

  var singleTokenCount: Int { verdicts.count(where: \.isSingleToken) }
}

/// The tokens of one answer after its prompt.
private struct Verdict {
  struct Refusal: Error {
    let reason: AnswerableTask.Reason
  }

  /// Prompt and answer together.
  let tokens: [Int]
  /// How many of the tokens are the prompt's, or why there is no clean cut.
  private let cut: Result<Int, Refusal>

  init(
    _ input: String, _ output: String, _ template: PromptTemplate,
    _ tokenizer: some PromptTokenizer
  ) throws {
    let prompt = template.zeroShotPrompt(query: input).text
    let before: [Int]
    do {
      before = try tokenizer.promptTokens(prompt).map(\.id)
      tokens = try tokenizer.promptTokens(prompt + template.answerBlank + output).map(\.id)
    } catch TaskError.inexpressible {
      tokens = []
      cut = .failure(Refusal(reason: .unknownToken))
      return
    }
    if let unknown = tokenizer.unknownToken, tokens.contains(unknown) {
      cut = .failure(Refusal(reason: .unknownToken))
    } else if !tokens.starts(with: before) {
      cut = .failure(Refusal(reason: .joinsPrompt))
    } else if tokens.count == before.count {
      cut = .failure(Refusal(reason: .noToken))
    } else {
      cut = .success(before.count)
    }
  }

  /// Asked of the cut, not of `outcome`: an array that is made and dropped at once is written to after it is freed, as
  /// the address sanitizer found in what the optimiser of Swift 6.3 makes of it.
  var isSingleToken: Bool {
    if case .success(let start) = cut { tokens.count == start + 1 } else { false }
  }

  /// The tokens that the policy takes of the answer, at least one, or why the pair cannot be used.
  func outcome(under policy: AnswerPolicy) -> Result<[Int], Refusal> {
    cut.flatMap { start in
      policy == .singleToken && !isSingleToken
        ? .failure(Refusal(reason: .severalTokens))
        : .success(Array(policy == .whole ? tokens[start...] : tokens[start...start]))
    }
  }
}
