// Screen: what lines are drawn for. Which screen there is, is the command's to find out; here it is a value, so that a
// drawing can be compared to the letter.

/// How wide lines may be, and what they may be made of.
public struct Screen: Sendable, Equatable {
  /// In columns.
  public let width: Int
  /// Plain ASCII, for terminals and logs that have nothing else.
  public let isASCII: Bool
  /// Whether colours of the terminal's 256 may be used.
  public let hasColour: Bool

  public init(width: Int = 80, isASCII: Bool = false, hasColour: Bool = false) {
    self.width = width
    self.isASCII = isASCII
    self.hasColour = hasColour
  }

  /// 80 columns of Unicode without colours.
  public static let plain = Screen()

  /// A text in the characters of the screen: what the house writes is spelt out, what others wrote stays.
  public func text(_ text: String) -> String {
    guard isASCII, !text.utf8.allSatisfy({ $0 < 128 }) else { return text }
    return text.map { $0.isASCII ? String($0) : Self.spellings[$0] ?? String($0) }.joined()
  }

  /// What the terminal's texts have beside ASCII.
  private static let spellings: [Character: String] = [
    "θ": "theta", "λ": "lambda", "η": "eta", "Δ": "d", "∂": "d", "ŷ": "y^", "‖": "|", "→": "->",
    "−": "-", "–": "-",
    "×": "x", "…": "...", "·": ".", "σ": "sigma", "Σ": "sum", "τ": "tau", "≥": ">=", "≤": "<=",
    "±": "+-", "⁻": "^-",
    "¹": "1", "²": "2", "ó": "o", "é": "e",
  ]

  /// `text` on a background of one of the terminal's 256 colours.
  func painted(_ text: String, background: Int) -> String {
    "\u{1B}[48;5;\(background)m\(text)\u{1B}[0m"
  }

  /// `text` in one of the terminal's 256 colours.
  func painted(_ text: String, foreground: Int) -> String {
    "\u{1B}[38;5;\(foreground)m\(text)\u{1B}[0m"
  }

  /// Words one after the other, in lines that fit.
  func wrapped(_ words: [String], indent: Int = 0, gap: String = "  ") -> [String] {
    var lines: [String] = []
    for word in words.map(text) {
      if let last = lines.last,
        last.visibleCount + gap.count + word.visibleCount <= width
      {
        lines[lines.count - 1] += gap + word
      } else {
        let word = word.visibleCount > width ? word.shortened(to: width, ascii: isASCII) : word
        lines.append(String(repeating: " ", count: indent) + word)
      }
    }
    return lines
  }

  /// A text in lines that fit, broken at blanks.
  func prose(_ text: String) -> [String] {
    text.visibleCount <= width
      ? [self.text(text)] : wrapped(text.split(separator: " ").map(String.init), gap: " ")
  }

  /// A text of several lines in the characters of the screen, those that are too long broken at blanks.
  public func fitted(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .flatMap { prose(String($0)) }.joined(separator: "\n")
  }

  /// Blocks of lines from left to right, as many as fit beside each other; `widths` without colours.
  func beside(_ blocks: [(lines: [String], width: Int)], gap: Int = 3) -> [String] {
    var lines: [String] = []
    var row: [(lines: [String], width: Int)] = []
    func flush() {
      guard let height = row.map(\.lines.count).max() else { return }
      if !lines.isEmpty { lines.append("") }
      for index in 0..<height {
        var line = ""
        var end = 0
        var start = 0
        for block in row {
          if index < block.lines.count, !block.lines[index].isEmpty {
            line += String(repeating: " ", count: start - end) + block.lines[index]
            end = start + block.lines[index].visibleCount
          }
          start += block.width + gap
        }
        lines.append(line)
      }
      row = []
    }
    for block in blocks {
      if row.reduce(block.width, { $0 + $1.width + gap }) > width { flush() }
      row.append(block)
    }
    flush()
    return lines
  }
}

extension String {
  /// How many columns a line takes: without the colours that `painted` puts in.
  var visibleCount: Int {
    var (count, isCode) = (0, false)
    for character in self {
      if character == "\u{1B}" { isCode = true }
      if !isCode { count += 1 }
      if isCode, character == "m" { isCode = false }
    }
    return count
  }

  /// Without spaces at the end.
  var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }

  /// At most `count` characters, the last of them an ellipsis (or `~`) where some are missing.
  func shortened(to count: Int, ascii: Bool) -> String {
    guard self.count > count else { return self }
    return count <= 0 ? "" : String(prefix(count - 1)) + (ascii ? "~" : "…")
  }
}
