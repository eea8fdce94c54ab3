// Heat maps to the letter, and what must hold of them at every width.

import Probes
import Testing

@Suite struct HeatMapTests {
  private let map = HeatMap(
    title: "normalised effect by layer and position", rows: ["0", "1", "2", "10"],
    columns: ["input[0]", "arrow[0]", "query", "last"],
    panels: [
      .init(
        "softmax denoised",
        [
          [0, 0.19, 0.2, 1], [0.41, 0.61, 0.81, 1.7], [-0.1, -0.3, nil, 0.5], [0, 0, 0, 0.99],
        ]),
      .init("linear denoised", Array(repeating: [0, 0.3, 0.6, 0.9], count: 4)),
    ], top: 1)

  @Test func unicode() {
    #expect(
      map.lines().joined(separator: "\n")
        == """
        """)
  }

  @Test func ascii() {
    #expect(
      map.lines(on: Screen(width: 80, isASCII: true)).joined(separator: "\n")
        == """
        """)
  }

  /// Many layers, heads and panels at every width: nothing is too wide, everything that does not fit stands for several.
  @Test func widths() {
    for (rows, columns) in [(1, 2), (6, 8), (12, 12), (32, 32), (80, 64), (6, 200)] {
      let values = (0..<rows).map { row in (0..<columns).map { Double($0 * row % 7) / 7 } }
      let map = HeatMap(
        title: String(repeating: "a long title ", count: 9), rows: (0..<rows).map { "\($0)" },
        columns: (0..<columns).map { "\($0)" },
        panels: (0..<3).map { .init("panel \($0) of a long name", values) })
      for width in [24, 40, 80, 130] {
        let unicode = map.lines(on: Screen(width: width))
        let ascii = map.lines(on: Screen(width: width, isASCII: true))
        let coloured = map.lines(on: Screen(width: width, hasColour: true))
        #expect(unicode.allSatisfy { $0.count <= width }, "\(unicode)")
        #expect(ascii.allSatisfy { $0.count <= width && $0.utf8.allSatisfy { $0 < 128 } })
        #expect(
          coloured.allSatisfy { $0.replacing(/\u{1B}\[[0-9;]*m/, with: "").count <= width })
        #expect(coloured.joined().contains("\u{1B}[48;5;229m"))
        #expect(!unicode.joined().contains("\u{1B}") && !ascii.joined().contains("\u{1B}"))
        let isFolded = unicode.contains { $0.contains("a cell stands for several") }
        #expect(isFolded == (rows > 32 || (width - "layer".count - 1) / 2 < columns), "\(width)")
      }
    }
  }

  /// A value that stands out is seen also where its cell stands for several.
  @Test func foldedCellsShowTheFarthest() {
    var values = Array(repeating: Array(repeating: Double?.some(0), count: 200), count: 2)
    values[1][133] = 1
    let lines = HeatMap(
      title: "t", rows: ["0", "1"], columns: (0..<200).map { "\($0)" }, panels: [.init("p", values)]
    ).lines()
    #expect(lines.joined().filter { $0 == "█" }.count == 2 + 2, "the cell and the scale")
  }
}
