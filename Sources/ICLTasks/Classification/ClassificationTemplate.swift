// How labelled texts become the pairs of a task, so that one set of samplers and prompts serves both.

/// The words that stand for labels and the form of a prompt, for one data set.
public struct ClassificationTemplate: Sendable, Equatable {
  /// Of the preset or the data set.
  public let name: String
  /// The prompt around the text and the label's word.
  public let prompt: PromptTemplate
  /// What stands between premise and hypothesis where the text is a pair.
  public let pairJoint: String
  /// The labels as the data have them, each with its word, in the order of the classes.
  public let labels: [Label]

  /// A class.
  public struct Label: Sendable, Equatable {
    /// The label in the data file.
    public let value: String
    /// The word in the prompt.
    public let word: String

    /// - Parameters:
    ///   - value: the label in the data file.
    ///   - word: its word in the prompt.
    public init(_ value: String, _ word: String) {
      self.value = value
      self.word = word
    }
  }

  public init(name: String, prompt: PromptTemplate, pairJoint: String = " ", labels: [Label]) {
    self.name = name
    self.prompt = prompt
    self.pairJoint = pairJoint
    self.labels = labels
  }

  /// The pairs of a data set as a task: the text is the input and the label's word the output.
  ///
  /// A text that comes again with the same label is taken once; with another label, the later words
  /// become further right answers.
  ///
  /// - Parameters:
  ///   - dataset: labelled texts; its name becomes the task's.
  ///   - split: only the examples of this split; all of them when `nil`.
  /// - Throws: `TaskError.unknownName` for a label that the template does not have.
  public func task(of dataset: ClassificationDataset, split: String? = nil) throws -> ICLTask {
    var pairs: [ICLTask.Pair] = []
    var places: [String: Int] = [:]
    for example in dataset.examples where split == nil || example.split == split {
      guard let label = labels.first(where: { $0.value == example.label }) else {
        throw TaskError.unknownName(
          kind: "\(name) label", name: example.label, known: labels.map(\.value))
      }
      let input = self.input(example.text)
      guard let place = places[input] else {
        places[input] = pairs.count
        pairs.append(ICLTask.Pair(input: input, output: label.word))
        continue
      }
      let known = pairs[place]
      if !known.answers.contains(label.word) {
        pairs[place] = ICLTask.Pair(
          input: input, output: known.output, accept: known.accept + [label.word])
      }
    }
    return ICLTask(
      name: dataset.name, category: "classification", source: dataset.name,
      inputDomain: "\(name)_text", outputDomain: "\(name)_label", pairs: pairs)
  }

  /// The text as it stands in the prompt.
  public func input(_ text: ClassificationDataset.Text) -> String {
    switch text {
    case .sentence(let sentence): sentence
    case .pair(let premise, let hypothesis): premise + pairJoint + hypothesis
    }
  }
}

extension ClassificationTemplate {
  /// The templates of Dai et al. 2023 (arXiv 2212.10559, table 8), with the class numbers of the
  /// ordered-prompt data files: sst2, sst5, mr, subj, agnews, cb.
  ///
  /// The paper separates demonstrations by the tokenizer's end-of-text token, which no text can hold;
  /// here it is a newline. For AGNews and CB the released code words the prompt differently than the
  /// paper's table: `agnews_code` and `cb_code` are those (LMOps understand_icl, tasks/fewshot_task.py).
  public static let presets: [ClassificationTemplate] = [
    ClassificationTemplate(
      name: "sst2", prompt: line("Sentence: ", " Label:"),
      labels: [Label("0", "Negative"), Label("1", "Positive")]),
    ClassificationTemplate(
      name: "sst5", prompt: line("Sentence: ", " Label:"),
      labels: [
        Label("0", "terrible"), Label("1", "bad"), Label("2", "neutral"), Label("3", "good"),
        Label("4", "great"),
      ]),
    ClassificationTemplate(
      name: "mr", prompt: line("Review: ", " Sentiment:"),
      labels: [Label("0", "Negative"), Label("1", "Positive")]),
    ClassificationTemplate(
      name: "subj", prompt: line("Input: ", " Type:"),
      labels: [Label("0", "subjective"), Label("1", "objective")]),
    ClassificationTemplate(
      name: "agnews",
      prompt: line(
        "Classify the news articles into the categories of World, Sports, Business, and "
          + "Technology. News: ", " Type:"),
      labels: news),
    ClassificationTemplate(
      name: "agnews_code",
      prompt: line(
        "Classify the news articles into the categories of World, Sports, Business, and "
          + "Technology. Article: ", " Answer:"),
      labels: news),
    ClassificationTemplate(
      name: "cb", prompt: line("", " True, False, or Neither? Answer:"), pairJoint: " Question: ",
      labels: commitments),
    ClassificationTemplate(
      name: "cb_code", prompt: line("", ". True, False, or Neither? Answer:"),
      pairJoint: " Question: ", labels: commitments),
  ]

  private static let news = [
    Label("1", "World"), Label("2", "Sports"), Label("3", "Business"), Label("4", "Technology"),
  ]

  private static let commitments = [
    Label("entailment", "True"), Label("contradiction", "False"), Label("neutral", "Neither"),
  ]

  /// The preset of a name.
  ///
  /// - Throws: `TaskError.unknownName` with the nearest preset.
  public init(preset name: String) throws {
    guard let preset = Self.presets.first(where: { $0.name == name }) else {
      throw TaskError.unknownName(
        kind: "classification template", name: name, known: Self.presets.map(\.name))
    }
    self = preset
  }

  private static func line(_ lead: String, _ arrow: String) -> PromptTemplate {
    PromptTemplate(
      prefix: "", lead: lead, arrow: arrow, answerBlank: " ", tail: "", separator: "\n")
  }
}
