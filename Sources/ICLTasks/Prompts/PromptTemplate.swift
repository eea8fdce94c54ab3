// How demonstrations and a query become text.
//
// Only text: which token stands where is TokenizedPrompt.swift.

import HookPoints

/// The form of a prompt: what stands around inputs and outputs.
///
/// A demonstration is `lead` + input + `arrow` + output + `tail`; demonstrations and the query are
/// joined by `separator`; the query is the demonstration up to its output. Blanks (U+0020) right
/// before the output belong to the answer and not to the arrow: "A: {output}" asks with "A:" and
/// shows " Paris" as the answer, because that is how byte-level tokenizers cut the text.
public struct PromptTemplate: Sendable, Equatable {
  /// Text before the first demonstration, such as an instruction; empty in the presets.
  public let prefix: String
  /// Text before an input.
  public let lead: String
  /// Text between an input and its answer, without the blanks that belong to the answer.
  public let arrow: String
  /// The blanks between the arrow and the output, which belong to the answer.
  public let answerBlank: String
  /// Text after an output, before the separator.
  public let tail: String
  /// Text between demonstrations, and between the last one and the query.
  public let separator: String

  /// A template from its text form.
  ///
  /// - Parameters:
  ///   - demonstration: a text with `{input}` and then `{output}`, each once: "{input}->{output}".
  ///   - separator: the text between demonstrations.
  ///   - prefix: the text before the first demonstration.
  /// - Throws: `TaskError.badTemplate` when a placeholder is missing, repeated, unknown or in the
  ///   wrong order, or when input and output touch.
  public init(demonstration: String, separator: String, prefix: String = "") throws {
    let pieces = try Self.pieces(of: demonstration)
    let arrow = pieces.arrow.trimmingBlanksAtEnd
    self.init(
      prefix: prefix, lead: pieces.lead, arrow: arrow,
      answerBlank: String(pieces.arrow.dropFirst(arrow.count)), tail: pieces.tail,
      separator: separator)
  }

  /// The template of given pieces; the arrow must not end in a blank.
  init(
    prefix: String, lead: String, arrow: String, answerBlank: String, tail: String,
    separator: String
  ) {
    self.prefix = prefix
    self.lead = lead
    self.arrow = arrow
    self.answerBlank = answerBlank
    self.tail = tail
    self.separator = separator
  }

  /// The text form of a demonstration, with `{input}` and `{output}`.
  public var demonstration: String { "\(lead){input}\(arrow)\(answerBlank){output}\(tail)" }

  /// The text form of a query, with `{input}`.
  public var query: String { "\(lead){input}\(arrow)" }

  /// The same template with a blank before every input and every answer, as in " k-> v": the variant
  /// in which byte-level tokenizers have more answers of one token (Hendel et al. 2023).
  public var withLeadingSpace: PromptTemplate {
    PromptTemplate(
      prefix: prefix, lead: lead + " ", arrow: arrow, answerBlank: " " + answerBlank, tail: tail,
      separator: separator)
  }

  /// The same template with another text between demonstrations.
  public func separated(by separator: String) -> PromptTemplate {
    PromptTemplate(
      prefix: prefix, lead: lead, arrow: arrow, answerBlank: answerBlank, tail: tail,
      separator: separator)
  }

  private static func pieces(
    of text: String
  ) throws -> (lead: String, arrow: String, tail: String) {
    func fail(_ problem: String) -> TaskError { .badTemplate(template: text, problem: problem) }
    var literals: [String] = [""]
    var names: [String] = []
    var rest = text[...]
    while let character = rest.first {
      if character == "{", let close = rest.firstIndex(of: "}") {
        names.append(String(rest[rest.index(after: rest.startIndex)..<close]))
        literals.append("")
        rest = rest[rest.index(after: close)...]
      } else {
        literals[literals.count - 1].append(character)
        rest = rest.dropFirst()
      }
    }
    for name in names where name != "input" && name != "output" {
      let hint = nearName(to: name, among: ["input", "output"])
      throw fail("'{\(name)}' is unknown" + (hint.map { "; did you mean '{\($0)}'?" } ?? ""))
    }
    guard names == ["input", "output"] else {
      throw fail("expected {input} once and then {output} once")
    }
    guard !literals[1].isEmpty else {
      throw fail("{input} and {output} touch; expected text between them, such as '->'")
    }
    return (literals[0], literals[1], literals[2])
  }
}

extension PromptTemplate {
  /// "France->Paris", one demonstration a line: the form the shipped models are trained on.
  public static let arrow = PromptTemplate(
    prefix: "", lead: "", arrow: "->", answerBlank: "", tail: "", separator: "\n")

  /// "example:France->Paris", one demonstration a line: Hendel et al. 2023 (arXiv 2310.15916).
  public static let hendel = PromptTemplate(
    prefix: "", lead: "example:", arrow: "->", answerBlank: "", tail: "", separator: "\n")

  /// "Q: France\nA: Paris" with an empty line after it: Todd et al. 2023 (arXiv 2310.15213).
  public static let todd = PromptTemplate(
    prefix: "", lead: "Q: ", arrow: "\nA:", answerBlank: " ", tail: "", separator: "\n\n")

  /// The presets by the name a probe file uses.
  public static let presets: [(name: String, template: PromptTemplate)] = [
    ("arrow", .arrow), ("hendel", .hendel), ("todd", .todd),
  ]

  /// The preset of a name.
  ///
  /// - Throws: `TaskError.unknownName` with the nearest preset.
  public init(preset name: String) throws {
    guard let preset = Self.presets.first(where: { $0.name == name }) else {
      throw TaskError.unknownName(
        kind: "template", name: name, known: Self.presets.map(\.name))
    }
    self = preset.template
  }

  /// The name of the preset that this template equals, if there is one.
  public var presetName: String? { Self.presets.first { $0.template == self }?.name }
}

extension String {
  fileprivate var trimmingBlanksAtEnd: String {
    var kept = self[...]
    while kept.last == " " { kept = kept.dropLast() }
    return String(kept)
  }
}
