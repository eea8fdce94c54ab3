// HeatMap: a metric by layer and position, by layer and head, or by any two things, drawn with characters. Like LayerCurve
// it is a glance; the numbers are in the CSV.

/// Heat maps of the same rows and columns under one scale.
public struct HeatMap: Sendable, Equatable {
  /// One map.
  public struct Panel: Sendable, Equatable {
    public let title: String
    /// `[rows][columns]`; `nil` where there is no value.
    public let values: [[Double?]]

    public init(_ title: String, _ values: [[Double?]]) {
      self.title = title
      self.values = values
    }
  }

  public let title: String
  /// What a row is, such as `layer`.
  public let axis: String
  public let rows: [String]
  public let columns: [String]
  public let panels: [Panel]
  /// The value that the fullest shade stands for, and greater ones with it.
  public let top: Double

  /// - Parameter top: the greatest value of all panels where it is nil.
  public init(
    title: String, axis: String = "layer", rows: [String], columns: [String], panels: [Panel],
    top: Double? = nil
  ) {
    for panel in panels {
      precondition(
        panel.values.count == rows.count && panel.values.allSatisfy { $0.count == columns.count },
        "a panel of another shape than \(rows.count) rows and \(columns.count) columns")
    }
    self.title = title
    self.axis = axis
    self.rows = rows
    self.columns = columns
    self.panels = panels
    let greatest = panels.flatMap(\.numbers).max() ?? 0
    self.top = top ?? (greatest > 0 ? greatest : 1)
  }

  private static let mostRows = 32
  /// Columns of the screen that a value takes.
  private static let cell = 2

  /// The drawing: panels side by side where they fit, then the scale, then the columns' names where they have any.
  ///
  /// Where there are more columns than room, or more than 32 rows, a cell shows the value farthest from 0 of those it
  /// stands for.
  public func lines(on screen: Screen = .plain) -> [String] {
    let longest = ([axis] + rows).map { screen.text($0).count }.max() ?? 0
    let margin = min(longest, screen.width / 3) + 1
    let across = folds(columns.count, max(1, (screen.width - margin) / Self.cell))
    let down = folds(rows.count, Self.mostRows)
    let blocks = panels.map { panel -> (lines: [String], width: Int) in
      let title = screen.text(panel.title).shortened(to: screen.width, ascii: screen.isASCII)
      var lines = [title, header(across, margin)]
      for places in down {
        let name = screen.text(rows[places.lowerBound])
          .shortened(to: margin - 1, ascii: screen.isASCII)
        let cells = across.map { drawn(panel.farthest(places, $0), on: screen) }
        lines.append(
          (String(repeating: " ", count: margin - 1 - name.count) + name + " " + cells.joined())
            .trimmed)
      }
      return (lines, max(margin + across.count * Self.cell, title.count))
    }
    var found = screen.prose(title) + screen.beside(blocks) + scale(on: screen)
    if across.count < columns.count || down.count < rows.count {
      found += screen.wrapped(["a cell stands for several: the value farthest from 0"], indent: 2)
    }
    if columns.contains(where: { Int($0) == nil }) {
      found += screen.wrapped(columns.enumerated().map { "\($0) \($1)" }, indent: 2)
    }
    return found
  }

  /// What each drawn row or column stands for, at most `room` of them.
  private func folds(_ count: Int, _ room: Int) -> [Range<Int>] {
    let each = max(1, (count + room - 1) / room)
    return stride(from: 0, to: count, by: each).map { $0..<min(count, $0 + each) }
  }

  /// The numbers of the columns, counted from 0, as many as have room.
  private func header(_ across: [Range<Int>], _ margin: Int) -> String {
    var line = String(axis.prefix(margin - 1))
    for (index, places) in across.enumerated() {
      let number = "\(places.lowerBound)"
      let start = margin + (index + 1) * Self.cell - number.count
      if start > line.count {
        line += String(repeating: " ", count: start - line.count) + number
      }
    }
    return line
  }

  // MARK: Shades

  private static let shades = Array(" ░▒▓█")
  private static let plainShades = Array(" :+X#")
  /// From dark to bright, of the terminal's 256 colours.
  private static let ramp = [233, 53, 54, 90, 126, 161, 203, 209, 215, 222, 229]
  private static let belowZero = 25

  private func drawn(_ value: Double?, on screen: Screen) -> String {
    guard let value else { return screen.isASCII ? ".." : "··" }
    let share = min(1, max(-1, value / top))
    if share <= -0.2 {
      return screen.hasColour
        ? screen.painted("  ", background: Self.belowZero) : "--"
    }
    if screen.hasColour {
      return screen.painted("  ", background: Self.ramp[Int((max(0, share) * 10).rounded())])
    }
    let shades = screen.isASCII ? Self.plainShades : Self.shades
    return String(repeating: shades[min(4, Int(max(0, share) * 5))], count: Self.cell)
  }

  /// What the shades stand for.
  private func scale(on screen: Screen) -> [String] {
    let numbers = panels.flatMap(\.numbers)
    func number(_ fifths: Int) -> String {
      TextTable.number(Double(fifths) / 5 * top, decimals: top < 0.1 ? 4 : 2)
    }
    var words: [String]
    if screen.hasColour {
      let ramp = Self.ramp.map { screen.painted(" ", background: $0) }.joined()
      words = ["\(number(0)) \(ramp) \(number(5))"]
    } else {
      words = (1...4).map {
        "\(drawn((Double($0) + 0.5) / 5 * top, on: screen)) from \(number($0))"
      }
    }
    if (numbers.min() ?? 0) <= -0.2 * top { words.append("\(drawn(-top, on: screen)) below 0") }
    if panels.contains(where: { $0.numbers.count < rows.count * columns.count }) {
      words.append("\(drawn(nil, on: screen)) no value")
    }
    return screen.wrapped(words, indent: 2)
  }
}

extension HeatMap.Panel {
  /// The values there are.
  fileprivate var numbers: [Double] { values.joined().compactMap { $0 }.filter(\.isFinite) }

  fileprivate func farthest(_ rows: Range<Int>, _ columns: Range<Int>) -> Double? {
    rows.flatMap { values[$0][columns] }.compactMap { $0 }.filter(\.isFinite)
      .max { abs($0) < abs($1) }
  }
}

extension HeatMap {
  /// What the columns of a map by layer are.
  enum Columns {
    case positions, heads
  }

  /// Maps of rows of results by layer: a panel for each model, condition and hook, means over tasks.
  ///
  /// - Returns: `nil` where there is nothing to see: fewer than two columns.
  init?(_ title: String, of rows: [ResultRow], by columns: Columns, top: Double? = nil) {
    var names: [String] = []
    var panels: [[String]] = []
    var values: [[String]: [Double]] = [:]
    func name(_ row: ResultRow) -> String? {
      columns == .heads ? row.head.map { "\($0)" } : row.head == nil ? row.position : nil
    }
    for row in rows {
      guard let layer = row.layer, let column = name(row), let value = row.estimate.value else {
        continue
      }
      let panel = [row.model, row.condition.rawValue, row.hook ?? ""]
      if !names.contains(column) { names.append(column) }
      if !panels.contains(panel) { panels.append(panel) }
      values[panel + ["\(layer)", column], default: []].append(value)
    }
    guard names.count > 1 else { return nil }
    if columns == .heads { names.sort { (Int($0) ?? 0) < (Int($1) ?? 0) } }
    let layers = (0...(rows.compactMap(\.layer).max() ?? 0)).map { "\($0)" }
    // What all panels share says nothing.
    let telling = (0..<3).filter { place in Set(panels.map { $0[place] }).count > 1 }
    self.init(
      title: title, rows: layers, columns: names,
      panels: panels.map { panel in
        Panel(
          (telling.isEmpty ? [0] : telling).map { panel[$0] }.joined(separator: " "),
          layers.map { layer in
            names.map { Statistics.mean(values[panel + [layer, $0]] ?? []) }
          })
      }, top: top)
  }
}
