// Labelled sentences and sentence pairs: one JSON object a line, or separated fields under a header.

import CheckpointIO

/// A data set for classification probes.
public struct ClassificationDataset: Sendable, Equatable {
  /// What is classified.
  public enum Text: Sendable, Equatable, Hashable {
    case sentence(String)
    case pair(premise: String, hypothesis: String)
  }

  /// One labelled text.
  public struct Example: Sendable, Equatable {
    /// What is classified.
    public let text: Text
    /// The label as the file has it: a class number or name.
    public let label: String
    /// The split the example says it belongs to.
    public let split: String?

    public init(text: Text, label: String, split: String? = nil) {
      self.text = text
      self.label = label
      self.split = split
    }
  }

  /// Of the data set, for messages and rows.
  public let name: String
  /// The examples in the order of the file.
  public let examples: [Example]

  public init(name: String, examples: [Example]) {
    self.name = name
    self.examples = examples
  }

  /// Reads a `.jsonl` file: an object a line with `sentence`, or `premise` and `hypothesis` (or
  /// `sentence_1` and `sentence_2`), a `label` (a string or an integer), and optionally `split` and
  /// `idx`, an upstream row number that is ignored.
  ///
  /// Texts are taken as they are, wrapped quotes and blanks included. Any other key, a blank text, a
  /// line without a label (unlabelled test sets) and an empty line before the end are refused. A file whose
  /// name ends in `.csv` or `.tsv` has the same keys as its header.
  ///
  /// - Throws: `CheckpointError` when the file cannot be read or a line is not JSON; `TaskError`
  ///   with the line's number otherwise.
  public init(contentsOf path: String) throws {
    let bytes = try FileReading.readFile(path, limit: InputLimits.textFile)
    name = TaskFile.folderAndStem(of: path).stem
    for (suffix, separator) in [(".csv", UInt8(ascii: ",")), (".tsv", UInt8(ascii: "\t"))]
    where path.hasSuffix(suffix) {
      examples = try Self.separated(bytes, by: separator, file: path)
      guard !examples.isEmpty else { throw TaskError.emptyText(file: path, place: "the file") }
      return
    }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let used = lines.last?.isEmpty == true ? lines.dropLast() : lines[...]
    examples = try used.enumerated().map { index, line in
      let place = TaskPlace(file: path, place: "line \(index + 1)")
      guard !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else {
        throw TaskError.emptyText(file: path, place: place.place)
      }
      return try Self.example(JSON(parsing: line, file: "\(path) (line \(index + 1))"), place)
    }
    guard !examples.isEmpty else { throw TaskError.emptyText(file: path, place: "the file") }
  }

  static func example(_ json: JSON, _ place: TaskPlace) throws -> Example {
    let object = try place.object(
      json,
      known: [
        "sentence", "premise", "hypothesis", "sentence_1", "sentence_2", "label", "split", "idx",
      ])
    func text(_ key: String) throws -> String {
      try place.appending(", \(key)").looseText(place.member(object, key))
    }
    let content: Text
    if object["premise"] != nil || object["hypothesis"] != nil {
      content = try .pair(premise: text("premise"), hypothesis: text("hypothesis"))
    } else if object["sentence_1"] != nil || object["sentence_2"] != nil {
      content = try .pair(premise: text("sentence_1"), hypothesis: text("sentence_2"))
    } else {
      content = try .sentence(text("sentence"))
    }
    let label = try place.member(object, "label")
    guard let name = label.stringValue ?? label.intValue.map({ "\($0)" }), !name.isEmpty else {
      throw place.appending(", label").wrong(label, expected: "a class name or number")
    }
    return try Example(
      text: content, label: name, split: object["split"].map { _ in try text("split") })
  }
}

extension ClassificationDataset.Example {
  /// The texts as they were before a writer of CSV quoted them, without blanks at their ends: a text that is one quoted
  /// field loses its quotes, and quotes doubled inside it are single again. A text that only begins and ends with a quote
  /// stays.
  public var cleaned: ClassificationDataset.Example {
    func trimmed(_ text: some StringProtocol) -> Substring {
      var kept = Substring(text)
      while kept.first == " " { kept = kept.dropFirst() }
      while kept.last == " " { kept = kept.dropLast() }
      return kept
    }
    func clean(_ text: String) -> String {
      let text = trimmed(text)
      guard text.count > 2, text.first == "\"", text.last == "\"" else { return String(text) }
      let parts = text.dropFirst().dropLast().split(
        separator: "\"\"", omittingEmptySubsequences: false)
      guard !parts.contains(where: { $0.contains("\"") }) else { return String(text) }
      return String(trimmed(parts.joined(separator: "\"")))
    }
    let text: ClassificationDataset.Text =
      switch self.text {
      case .sentence(let sentence): .sentence(clean(sentence))
      case .pair(let premise, let hypothesis):
        .pair(premise: clean(premise), hypothesis: clean(hypothesis))
      }
    return ClassificationDataset.Example(text: text, label: label, split: split)
  }
}
