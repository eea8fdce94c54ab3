// What the terminal shows, to the letter.

import Probes
import Testing

@Suite struct TerminalTests {
  private let curve = LayerCurve(
    title: "ts-linear, accuracy by layer",
    series: [
      .init("task_vector", [0.98, 0.99, 1, 0.94, 0.21, 0.02]),
      .init("task_vector_random", [0.05, 0.04, nil, 0.1, 0.1, .nan]),
    ],
    levels: [.init("icl", 1), .init("zero_shot", 0.17), .init("untrained", nil)])

  @Test func unicode() {
    #expect(
      curve.lines().joined(separator: "\n")
        == """
        ts-linear, accuracy by layer
         1.00 ┤┄●·······●·······●······┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
              │                        ·●
              │                          ··
              │                            ·
              │                             ·
         0.50 ┤                              ·
              │                               ·
              │                                ·
              │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄●··┄┄┄┄┄┄
              │ ○                       ○·······○  ····
         0.00 ┤  ·······○                              ·●
                0       1       2       3       4       5
          ● task_vector  highest 1.00 at layer 2
          ○ task_vector_random  highest 0.10 at layer 3
          ┄ icl  1.00
          ┄ zero_shot  0.17
          ┄ untrained  undefined
        """)
  }

  @Test func asciiIsPlainAndNothingIsTooWide() {
    var curves = [curve]
    for layers in [1, 2, 48, 80, 200] {
      curves.append(
        LayerCurve(
          title: String(repeating: "a long title ", count: 10),
          series: [
            .init(
              String(repeating: "name", count: 30),
              (0..<layers).map { Double($0 * (layers - $0)) / Double(layers * layers) * 5 - 0.1 })
          ], range: -0.5...1))
    }
    for curve in curves {
      for width in [24, 40, 80, 130] {
        let unicode = Screen(width: width)
        let plain = curve.lines(on: Screen(width: width, isASCII: true))
        #expect(plain.allSatisfy { $0.count <= width }, "\(plain)")
        #expect(curve.lines(on: unicode).allSatisfy { $0.count <= width })
        #expect(curve.table(on: unicode).allSatisfy { $0.count <= width })
        #expect(plain.count == curve.lines(on: unicode).count)
        #expect(plain.joined().utf8.allSatisfy { $0 < 128 })
        let coloured = curve.lines(on: Screen(width: width, hasColour: true))
        #expect(coloured.map(withoutColours) == curve.lines(on: unicode))
        #expect(coloured != curve.lines(on: unicode))
      }
    }
    #expect(
      curve.lines(on: Screen(isASCII: true))[1]
        == " 1.00 +-o.......o.......o......------------------")
    #expect(LayerCurve(title: "empty", series: []).lines() == ["empty"])
  }

  @Test func table() {
    #expect(
      curve.table().joined(separator: "\n")
        == """
        layer                  0     1     2     3     4     5
        task_vector         0.98  0.99  1.00  0.94  0.21  0.02
        task_vector_random  0.05  0.04        0.10  0.10
        """)
    #expect(curve.table(on: Screen(width: 34)).count == 3 * 3 + 2, "two layers a block")
  }

  @Test func textTable() {
    var table = TextTable(headers: ["task", "n", "note"])
    table.append(["country_capital_of_a_long_name", "50", "é"])
    table.append(["x", "", "-1"])
    #expect(
      table.lines(on: Screen(width: 30)) == [
        "task                   n  note",
        "country_capital_of_   50  é",
        "a_long_name",
        "x                         -1",
      ])
    // Words behind the first column give way, blocks repeat what says what a row is, nothing is lost.
    var wide = TextTable(headers: ["hook", "λ", "rank", "shape", "value"], keys: 3)
    wide.append(["blocks.0.ln1.hook_normalized", "0.5", "2", "[tokens, modelWidth 128]", "1.00"])
    #expect(
      wide.lines(on: Screen(width: 64)) == [
        "hook                            λ  rank  shape             value",
        "blocks.0.ln1.hook_normalized  0.5     2  [tokens,           1.00",
        "                                         modelWidth 128]",
      ])
    #expect(
      wide.lines(on: Screen(width: 52)).joined(separator: "\n")
        == """
        hook                            λ  rank  shape
        blocks.0.ln1.hook_normalized  0.5     2  [tokens,
                                                 modelWidth
                                                 128]

        hook                            λ  rank  value
        blocks.0.ln1.hook_normalized  0.5     2   1.00
        """)
    #expect(TextTable.number(0.005) == "0.01" && TextTable.number(-0.001) == "0.00")
    #expect(TextTable.number(nil) == "" && TextTable.number(.nan) == "")
    #expect(TextTable.number(-12.345, decimals: 1) == "-12.3")
    #expect(TextTable.number(7, decimals: 0) == "7")
  }

  /// Columns that have no room stand below, each block with the words that say what a row is.
  @Test func wideTable() {
    var table = TextTable(headers: ["model", "condition"] + (0..<16).map { "\($0)" })
    for model in ["softmax", "linear"] {
      table.append(
        [model, "θ of another task"] + (0..<16).map { TextTable.number(Double($0) / 16) })
    }
    #expect(
      table.lines(on: Screen(width: 80)).joined(separator: "\n")
        == """
        model    condition             0     1     2     3     4     5     6     7     8
        softmax  θ of another task  0.00  0.06  0.13  0.19  0.25  0.31  0.38  0.44  0.50
        linear   θ of another task  0.00  0.06  0.13  0.19  0.25  0.31  0.38  0.44  0.50

        model    condition             9    10    11    12    13    14    15
        softmax  θ of another task  0.56  0.63  0.69  0.75  0.81  0.88  0.94
        linear   θ of another task  0.56  0.63  0.69  0.75  0.81  0.88  0.94
        """)
    for width in [24, 40, 80, 200] {
      let lines = table.lines(on: Screen(width: width, isASCII: true))
      #expect(lines.allSatisfy { $0.count <= width && $0.utf8.allSatisfy { $0 < 128 } }, "\(lines)")
      // Nothing is lost.
      let words = Set(lines.joined(separator: " ").split(separator: " "))
      for column in 0..<16 { #expect(words.contains("\(column)"), "\(width): \(column)") }
    }
  }

  @Test func progressLine() throws {
    let half = RunProgress(
      finished: 37, resumed: 7, total: 96, costBefore: 0, costNow: 40, costTotal: 100,
      elapsed: 20)
    #expect(
      ProgressLine.text(half, title: "task-vectors")
        == "task-vectors  ████████░░░░░░░░░░░░  37 of 96 cells  40 %  1.5 cells/s  30 s left")
    #expect(
      ProgressLine.text(half, title: "task-vectors", on: Screen(width: 60, isASCII: true))
        == "task-vectors  37 of 96 cells  40 %  1.5 cells/s  30 s left")
    // What is left to wait for stays longest.
    #expect(
      ProgressLine.text(half, title: "task-vectors", on: Screen(width: 40))
        == "40 %  1.5 cells/s  30 s left")
    #expect(ProgressLine.text(half, title: "task-vectors", on: Screen(width: 20)) == "30 s left")
    let begun = RunProgress(
      finished: 0, resumed: 0, total: 3, costBefore: 0, costNow: 0, costTotal: 6, elapsed: 0)
    #expect(
      ProgressLine.text(begun, title: "p", on: Screen(width: 50, isASCII: true))
        == "p  ------------------------  0 of 3 cells  0 %")
    let done = RunProgress(
      finished: 3, resumed: 0, total: 3, costBefore: 0, costNow: 6, costTotal: 6, elapsed: 3750)
    #expect(
      ProgressLine.text(done, title: "p").hasSuffix(
        "3 of 3 cells  100 %  0.001 cells/s  done in 1 h 2 min"))
    let seconds: [Double] = [0, 9.94, 9.95, 59.4, 59.6, 130, 3599.6, 90_061, .infinity]
    let texts = [
      "0.0 s", "9.9 s", "10 s", "59 s", "1 min 0 s", "2 min 10 s", "1 h 0 min", "1 d 1 h",
      "unknown time",
    ]
    #expect(seconds.map { ProgressLine.duration($0) } == texts)
  }
}

/// A line without the codes of colours.
private func withoutColours(_ line: String) -> String {
  line.replacing(/\u{1B}\[[0-9;]*m/, with: "")
}
