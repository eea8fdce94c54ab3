// Reading a task from a file: the house's own format, two that other toolkits publish, and the samples that
// lm-evaluation-harness logs.
//
// The house's format is strict, because it is written by hand and checked by a test. The published
// formats are taken as people find them, by the rules written below, and what was changed is counted.

import CheckpointIO

/// A task read from a file, with what the reader had to do to it.
public struct TaskFile: Sendable, Equatable {
  /// The formats that are read.
  public enum Format: String, Sendable, Equatable, Codable, CaseIterable {
    /// `{"name", "category", "source", "pairs": [{"input", "output", "accept"}]}` with optional
    /// `"input_domain"`, `"output_domain"` and `"inverse_of"`.
    case house
    /// `{"in": "out", …}`
    case mapping
    /// `[{"input": …, "output": …}, …]`
    case list
    /// lm-evaluation-harness's samples_<task>_<date>.jsonl
    case harnessSamples = "harness_samples"
  }

  /// What was changed in a published file; all zero for the house's format.
  public struct Changes: Sendable, Equatable, Codable {
    /// Entries that say nothing new: the input was there with these answers already.
    public var repeatsDropped = 0
    /// Entries whose input was there with another output: theirs became a further right answer.
    public var alternativesMerged = 0
    /// Outputs with white space at their ends, which was cut off.
    public var outputsTrimmed = 0

    public init(repeatsDropped: Int = 0, alternativesMerged: Int = 0, outputsTrimmed: Int = 0) {
      self.repeatsDropped = repeatsDropped
      self.alternativesMerged = alternativesMerged
      self.outputsTrimmed = outputsTrimmed
    }
  }

  /// The file.
  public let path: String
  /// The format that was recognised.
  public let format: Format
  /// What it says.
  public let task: ICLTask
  /// What the reader changed.
  public let changes: Changes

  /// Reads a task file of any of the formats: one object or array, or by its name samples of lm-evaluation-harness.
  ///
  /// An array is a list. An object is in the house's format if it has the key `pairs`, or `name`
  /// together with `category` or `source`; any other object is a mapping.
  ///
  /// **House.** Every key is checked. Refused are unknown keys, texts that are empty, begin or end with
  /// a blank or contain control characters, an input given twice, an alternative given twice.
  ///
  /// **Published.** The task's name is the file's name, its category the folder's. An output, or an
  /// input, may be a string or an integer (its decimal digits). An output may be a list: the first is
  /// the output, the others are further right answers. An input that comes again adds its output to
  /// the right answers of its first entry. White space at the ends of outputs is cut off; inputs stay
  /// as they are and may contain newlines. Other numbers, booleans and nulls are refused.
  ///
  /// - Throws: `CheckpointError` when the file cannot be read or is not JSON; `TaskError` when it is
  ///   not a task.
  public init(contentsOf path: String) throws {
    guard !Self.isHarnessSamples(path) else {
      try self.init(
        harnessSamples: FileReading.readFile(path, limit: InputLimits.textFile), path: path)
      return
    }
    try self.init(
      JSON(contentsOf: path, limits: JSONLimits(bytes: InputLimits.textFile)), path: path)
  }

  private init(harnessSamples bytes: [UInt8], path: String) throws {
    self.path = path
    format = .harnessSamples
    (task, changes) = try Self.harnessTask(bytes, path: path)
  }

  package init(_ json: JSON, path: String) throws {
    self.path = path
    let place = TaskPlace(file: path, place: "")
    switch json {
    case .object(let object) where Self.isHouse(object):
      format = .house
      changes = Changes()
      task = try Self.houseTask(json, place)
    case .object(let object):
      format = .mapping
      (task, changes) = try Self.publishedTask(
        zip(object.keys, object.values).map { key, value in
          (.string(key), value, place.appending("[\(Excerpt.quoted(key))]"))
        }, place)
    case .array(let elements):
      format = .list
      (task, changes) = try Self.publishedTask(
        elements.enumerated().map { index, element in
          let entry = place.appending("[\(index)]")
          let object = try entry.object(element, known: ["input", "output"])
          return try (entry.member(object, "input"), entry.member(object, "output"), entry)
        }, place)
    default:
      throw TaskError.wrongValue(
        file: path, place: "the top level", found: json.summary,
        expected: "an object or an array of pairs")
    }
  }

  private static func isHouse(_ object: JSONObject) -> Bool {
    object["pairs"] != nil
      || object["name"] != nil && (object["category"] != nil || object["source"] != nil)
  }

  // MARK: The house's format

  private static let houseKeys = [
    "name", "category", "source", "input_domain", "output_domain", "inverse_of", "pairs",
  ]

  private static func houseTask(_ json: JSON, _ top: TaskPlace) throws -> ICLTask {
    let object = try top.object(json, known: houseKeys)
    func text(_ key: String) throws -> String {
      try top.appending(key).strictText(top.member(object, key))
    }
    func optionalText(_ key: String) throws -> String? {
      try object[key].map { try top.appending(key).strictText($0) }
    }
    let name = try text("name")
    guard name.utf8.allSatisfy(isNameByte) else {
      throw TaskError.wrongValue(
        file: top.file, place: "name", found: Excerpt.quoted(name),
        expected: "letters a-z, digits, '_', '-' and '.' only")
    }
    let list = top.appending("pairs")
    let value = try top.member(object, "pairs")
    guard let elements = value.arrayValue, !elements.isEmpty else {
      throw list.wrong(value, expected: "an array of pairs, at least one")
    }
    var pairs: [ICLTask.Pair] = []
    var places: [String: Int] = [:]
    for (index, element) in elements.enumerated() {
      let pair = try housePair(element, list.appending("[\(index)]"))
      if let first = places[pair.input] {
        guard pairs[first].output != pair.output else {
          throw TaskError.repeatedPair(
            file: top.file, input: pair.input, first: first, second: index)
        }
        throw TaskError.contradiction(
          file: top.file, input: pair.input, first: first, second: index,
          outputs: [pairs[first].output, pair.output])
      }
      places[pair.input] = index
      pairs.append(pair)
    }
    return try ICLTask(
      name: name, category: text("category"), source: text("source"),
      inputDomain: optionalText("input_domain"), outputDomain: optionalText("output_domain"),
      inverseOf: optionalText("inverse_of"), pairs: pairs)
  }

  private static func housePair(_ json: JSON, _ place: TaskPlace) throws -> ICLTask.Pair {
    let object = try place.object(json, known: ["input", "output", "accept"])
    let input = try place.appending(".input").strictText(place.member(object, "input"))
    let output = try place.appending(".output").strictText(place.member(object, "output"))
    var accept: [String] = []
    if let value = object["accept"] {
      let list = place.appending(".accept")
      guard let elements = value.arrayValue else {
        throw list.wrong(value, expected: "an array of strings")
      }
      for (index, element) in elements.enumerated() {
        let entry = list.appending("[\(index)]")
        let text = try entry.strictText(element)
        guard text != output, !accept.contains(text) else {
          throw entry.wrong(element, expected: "an answer that is not given already")
        }
        accept.append(text)
      }
    }
    return ICLTask.Pair(input: input, output: output, accept: accept)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  // MARK: The published formats

  /// - Parameters:
  ///   - name: the task's name, where it is not the file's.
  ///   - category: likewise, where it is not the folder's.
  static func publishedTask(
    _ entries: [(input: JSON, output: JSON, place: TaskPlace)], _ top: TaskPlace,
    name: String? = nil, category: String? = nil
  ) throws -> (ICLTask, Changes) {
    guard !entries.isEmpty else {
      throw TaskError.wrongValue(
        file: top.file, place: "the top level", found: "no pairs", expected: "at least one pair")
    }
    var changes = Changes()
    var pairs: [ICLTask.Pair] = []
    var places: [String: Int] = [:]
    for entry in entries {
      let input = try entry.place.appending(".input").looseText(decimal(entry.input))
      let answers = try publishedAnswers(
        entry.output, entry.place.appending(".output"), trimmed: &changes.outputsTrimmed)
      guard let place = places[input] else {
        places[input] = pairs.count
        pairs.append(
          ICLTask.Pair(input: input, output: answers[0], accept: Array(answers.dropFirst())))
        continue
      }
      let known = pairs[place]
      let new = answers.filter { !known.answers.contains($0) }
      if new.isEmpty { changes.repeatsDropped += 1 } else { changes.alternativesMerged += 1 }
      pairs[place] = ICLTask.Pair(
        input: input, output: known.output, accept: known.accept + new)
    }
    let (folder, stem) = folderAndStem(of: top.file)
    let task = ICLTask(
      name: name ?? stem, category: category ?? folder ?? "published", source: top.file,
      pairs: pairs)
    return (task, changes)
  }

  /// The right answers of a published entry, without repeats, the output first; never empty.
  private static func publishedAnswers(
    _ value: JSON, _ place: TaskPlace, trimmed: inout Int
  ) throws -> [String] {
    var answers: [String] = []
    let elements = value.arrayValue ?? [value]
    guard !elements.isEmpty else { throw place.wrong(value, expected: "at least one answer") }
    for element in elements {
      guard element.stringValue != nil || element.intValue != nil else {
        throw place.wrong(element, expected: "a string, an integer, or a list of them")
      }
      let text = try place.looseText(decimal(element))
      let kept = text.strippingBlanks
      if kept.utf8.count != text.utf8.count { trimmed += 1 }
      guard !kept.contains(where: \.isNewline) else {
        throw place.wrong(element, expected: "an answer of one line")
      }
      if !answers.contains(kept) { answers.append(kept) }
    }
    return answers
  }

  /// An integer as the string of its digits; anything else as it is.
  private static func decimal(_ value: JSON) -> JSON {
    value.intValue.map { .string("\($0)") } ?? value
  }

  /// The name of the folder a file lies in, if the path names one, and the file's name without its
  /// extension.
  static func folderAndStem(of path: String) -> (folder: String?, stem: String) {
    let components = path.split(separator: "/")
    let file = components.last ?? Substring(path)
    let stem = file.lastIndex(of: ".").map { file[..<$0] } ?? file
    let folder = components.dropLast().last.map(String.init)
    return (folder, stem.isEmpty ? String(file) : String(stem))
  }
}
