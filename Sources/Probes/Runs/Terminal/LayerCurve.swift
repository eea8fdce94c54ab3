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

  /// The drawing, at most `width` characters a line.
  ///
  /// Where there are more layers than columns, a column shows the greatest value of its layers.
  /// - Parameters:
  ///   - width: at least 24 for a drawing; below that the title alone.
  ///   - ascii: plain ASCII for terminals and logs that have nothing else.
  public func lines(width: Int = 80, ascii: Bool = false) -> [String] {
    let layers = series.map(\.values.count).max() ?? 0
    guard layers > 0, width >= 24 else { return [String(title.prefix(width))] }
    let style = Style(ascii: ascii)
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
    var lines = [String(title.prefix(width))]
    for row in grid.indices.reversed() {
      let isLabelled = row % 5 == 0
      let value =
        range.lowerBound + (range.upperBound - range.lowerBound) * Double(row)
        / Double(Self.rows - 1)
      let label = isLabelled ? TextTable.number(value) : ""
      let line =
        String(repeating: " ", count: max(0, Self.labelWidth - 2 - label.count)) + label + " "
        + String(isLabelled ? style.tick : style.axis) + String(grid[row])
      lines.append(line.trimmed)
    }
    lines.append(String(repeating: " ", count: Self.labelWidth) + columns.labels.trimmed)
    lines += legend(style, width)
    return lines
  }

  /// The values by layer as a table, in as many blocks as the width asks for.
  public func table(width: Int = 80, ascii: Bool = false) -> [String] {
    let layers = series.map(\.values.count).max() ?? 0
    let nameWidth = series.map(\.name.count).reduce(5, max)
    let fit = max(1, (width - nameWidth) / 7)
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
      return (first == 0 ? [] : [""]) + table.lines(width: width, ascii: ascii)
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

  private func legend(_ style: Style, _ width: Int) -> [String] {
    var lines: [String] = []
    for (index, curve) in series.enumerated() {
      var best: (layer: Int, value: Double)?
      for (layer, value) in curve.values.enumerated() {
        if let value, value.isFinite, best.map({ value > $0.value }) ?? true {
          best = (layer, value)
        }
      }
      let peak =
        best.map { "  highest \(TextTable.number($0.value)) at layer \($0.layer)" } ?? "  no values"
      let name = curve.name.shortened(to: max(4, width - 4 - peak.count), ascii: style.isASCII)
      lines.append(String("  \(style.marker(index)) \(name)\(peak)".prefix(width)))
    }
    for level in levels {
      let value = level.value.map { "  \(TextTable.number($0))" } ?? "  undefined"
      let name = level.name.shortened(to: max(4, width - 4 - value.count), ascii: style.isASCII)
      lines.append(String("  \(style.level) \(name)\(value)".prefix(width)))
    }
    return lines
  }
}

/// Which characters draw what.
private struct Style {
  let isASCII: Bool
  let axis: Character
  let tick: Character
  let line: Character
  let level: Character
  private let markers: [Character]

  init(ascii: Bool) {
    isASCII = ascii
    axis = ascii ? "|" : "│"
    tick = ascii ? "+" : "┤"
    line = ascii ? "." : "·"
    level = ascii ? "-" : "┄"
    markers = Array(ascii ? "o*x#@%&$" : "●○◆◇■□▲△")
  }

  func marker(_ index: Int) -> Character { markers[index % markers.count] }
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

extension String {
  /// Without spaces at the end.
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
