// A metric by layer, drawn with characters: what the terminal shows after a sweep. It is a glance; the
// numbers are in the CSV.

/// Curves over the layers of a model.
public struct LayerCurve: Sendable, Equatable {
  /// One curve.
  public struct Series: Sendable, Equatable {
    /// What the legend calls the curve.
    public let name: String
    /// By layer; `nil` where there is none.
    public let values: [Double?]

    public init(_ name: String, _ values: [Double?]) {
      self.name = name
      self.values = values
    }
  }

  /// A value that does not depend on the layer, drawn as a line across.
  public struct Level: Sendable, Equatable {
    /// What the legend calls the line.
    public let name: String
    /// Nil draws nothing.
    public let value: Double?

    public init(_ name: String, _ value: Double?) {
      self.name = name
      self.value = value
    }
  }

  /// The line above the drawing.
  public let title: String
  /// The curves, each with its own mark.
  public let series: [Series]
  /// The lines across.
  public let levels: [Level]
  /// What the vertical axis covers; values beyond it are drawn at its ends.
  public let range: ClosedRange<Double>

  public init(
    title: String, series: [Series], levels: [Level] = [], range: ClosedRange<Double> = 0...1
  ) {
    precondition(range.lowerBound < range.upperBound, "the axis covers \(range)")
    self.title = title
    self.series = series
    self.levels = levels
    self.range = range
  }

  private static let rows = 11
  private static let labelWidth = 7

  /// The drawing, no line wider than the screen.
  ///
  /// Where there are more layers than columns, a column shows the greatest value of its layers.
  public func lines(on screen: Screen = .plain) -> [String] {
    let width = screen.width
    let layers = series.map(\.values.count).max() ?? 0
    var lines = screen.prose(title)
    guard layers > 0, width >= 24 else { return lines }
    let style = Style(screen)
    let columns = Columns(layers: layers, room: width - Self.labelWidth)
    var grid = Array(
      repeating: Array(repeating: Character(" "), count: columns.count), count: Self.rows)
    for level in levels {
      if let value = level.value, value.isFinite {
        grid[row(value)] = grid[row(value)].map { $0 == " " ? style.level : $0 }
      }
    }
    for (index, curve) in series.enumerated() {
      draw(curve, style.marker(index), style.line, columns, on: &grid)
    }
    for row in grid.indices.reversed() {
      let isLabelled = row % 5 == 0
      let value =
        range.lowerBound + (range.upperBound - range.lowerBound) * Double(row)
        / Double(Self.rows - 1)
      let label = isLabelled ? TextTable.number(value) : ""
      let line =
        String(repeating: " ", count: max(0, Self.labelWidth - 2 - label.count)) + label + " "
        + String(isLabelled ? style.tick : style.axis) + String(grid[row])
      lines.append(style.painted(line.trimmed))
    }
    lines.append(String(repeating: " ", count: Self.labelWidth) + columns.labels.trimmed)
    return lines + legend(screen, style)
  }

  /// The values by layer as a table, in as many blocks as the width asks for.
  public func table(on screen: Screen = .plain) -> [String] {
    let layers = series.map(\.values.count).max() ?? 0
    let nameWidth = series.map(\.name.count).reduce(5, max)
    let fit = max(1, (screen.width - nameWidth) / 7)
    return stride(from: 0, to: layers, by: fit).flatMap { first -> [String] in
      let shown = first..<min(layers, first + fit)
      var table = TextTable(headers: ["layer"] + shown.map { String($0) })
      for curve in series {
        table.append(
          [curve.name]
            + shown.map {
              TextTable.number($0 < curve.values.count ? curve.values[$0] : nil)
            })
      }
      return (first == 0 ? [] : [""]) + table.lines(on: screen)
    }
  }

  private func row(_ value: Double) -> Int {
    let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return Int((min(1, max(0, share)) * Double(Self.rows - 1)).rounded())
  }

  private func draw(
    _ curve: Series, _ marker: Character, _ line: Character, _ columns: Columns,
    on grid: inout [[Character]]
  ) {
    // The column and height of each layer that has a value; a layer without one interrupts the curve.
    let points = curve.values.enumerated().map { layer, value -> (column: Int, value: Double)? in
      value.flatMap { $0.isFinite ? (columns.place(of: layer), $0) : nil }
    }
    for (left, right) in zip(points, points.dropFirst()) {
      if let left, let right, right.column > left.column + 1 {
        for column in (left.column + 1)..<right.column {
          let share = Double(column - left.column) / Double(right.column - left.column)
          let row = row(left.value + (right.value - left.value) * share)
          if !grid[row][column].isMarker { grid[row][column] = line }
        }
      }
    }
    var greatest: [Int: Double] = [:]
    for case let point? in points {
      greatest[point.column] = max(point.value, greatest[point.column] ?? -.infinity)
    }
    for (column, value) in greatest { grid[row(value)][column] = marker }
  }

  private func legend(_ screen: Screen, _ style: Style) -> [String] {
    func line(_ marker: Character, _ name: String, _ fact: String) -> String {
      let room = max(4, screen.width - 4 - fact.count)
      let name = screen.text(name).shortened(to: room, ascii: screen.isASCII)
      return style.painted(String("  \(marker) \(name)\(fact)".prefix(screen.width)))
    }
    return series.enumerated().map { index, curve in
      var best: (layer: Int, value: Double)?
      for (layer, value) in curve.values.enumerated() {
        if let value, value.isFinite, best.map({ value > $0.value }) ?? true {
          best = (layer, value)
        }
      }
      return line(
        style.marker(index), curve.name,
        best.map { "  highest \(TextTable.number($0.value)) at layer \($0.layer)" } ?? "  no values"
      )
    }
      + levels.map { level in
        line(
          style.level, level.name, level.value.map { "  \(TextTable.number($0))" } ?? "  undefined")
      }
  }
}

/// Which characters draw what.
private struct Style {
  let axis: Character
  let tick: Character
  let line: Character
  let level: Character
  private let markers: [Character]
  private let screen: Screen

  init(_ screen: Screen) {
    self.screen = screen
    axis = screen.isASCII ? "|" : "│"
    tick = screen.isASCII ? "+" : "┤"
    line = screen.isASCII ? "." : "·"
    level = screen.isASCII ? "-" : "┄"
    markers = Array(screen.isASCII ? "o*x#@%&$" : "●○◆◇■□▲△")
  }

  func marker(_ index: Int) -> Character { markers[index % markers.count] }

  /// Each curve's points in its own of the terminal's colours, which is the legend's too.
  private static let colours = [39, 208, 42, 177, 220, 203, 45, 250]

  func painted(_ line: String) -> String {
    // In ASCII the markers are letters that words have as well.
    guard screen.hasColour, !screen.isASCII else { return line }
    return line.map { character in
      markers.firstIndex(of: character).map {
        screen.painted(String(character), foreground: Self.colours[$0])
      } ?? String(character)
    }.joined()
  }
}

/// Where the layers stand on the horizontal axis.
private struct Columns {
  let layers: Int
  let room: Int
  let count: Int
  private let spacing: Int

  init(layers: Int, room: Int) {
    self.layers = layers
    self.room = room
    spacing = layers > 1 ? min(8, (room - 2) / (layers - 1)) : 1
    count = spacing > 0 ? 2 + spacing * (layers - 1) : room
  }

  func place(of layer: Int) -> Int {
    // With more layers than columns several share one.
    spacing > 0 ? 1 + spacing * layer : 1 + layer * (count - 2) / max(1, layers - 1)
  }

  /// The numbers of the layers, as many as have room.
  var labels: String {
    var text: [Character] = []
    for layer in 0..<layers {
      let label = String(layer)
      let start = place(of: layer)
      if text.isEmpty || start > text.count, start + label.count <= room {
        text += Array(repeating: " ", count: start - text.count) + Array(label)
      }
    }
    return String(text)
  }
}

extension Character {
  /// Whether a curve's point stands here, which lines of other curves do not overwrite.
  fileprivate var isMarker: Bool { !" ·.┄-".contains(self) }
}
