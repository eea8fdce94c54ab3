// HookValues: the numbers of a replacement or an addition, as a plan holds them.

/// One value for every selected row, or one for each.
///
/// In a file: `[0.5, 1]`, or `[[0.5, 1], [2, 3]]` for two rows; `"-inf"` and `"inf"` stand for infinities.
public struct HookValues: Equatable, Sendable {
  /// One row goes to every selected position; otherwise one row for each of them: sequences in the order in
  /// which they are named, positions ascending within each.
  public let rows: [[Float]]

  /// One value for every selected position.
  public init(_ value: [Float]) { rows = [value] }

  /// - Parameter rows: at least one.
  public init(rows: [[Float]]) {
    precondition(!rows.isEmpty, "values without a row")
    self.rows = rows
  }
}

extension HookValues: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let row = try? container.decode([Number].self), !row.isEmpty {
      rows = [row.map(\.value)]
    } else if let several = try? container.decode([[Number]].self), let first = several.first,
      !first.isEmpty, several.allSatisfy({ $0.count == first.count })
    {
      rows = several.map { $0.map(\.value) }
    } else {
      let found: String
      if let several = try? container.decode([[Number]].self), !several.isEmpty {
        found = "rows of \(several.map(\.count)) numbers"
      } else {
        found = (try? container.decode([Number].self)) != nil ? "an empty list" : "something else"
      }
      throw HookError.badValues(found: found)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    let numbers = rows.map { $0.map(Number.init) }
    if numbers.count == 1 {
      try container.encode(numbers[0])
    } else {
      try container.encode(numbers)
    }
  }

  /// A Float that may be infinite, which JSON numbers cannot.
  private struct Number: Codable {
    let value: Float

    init(_ value: Float) { self.value = value }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Float.self) {
        value = number
        return
      }
      switch try container.decode(String.self) {
      case "inf": value = .infinity
      case "-inf": value = -.infinity
      case let text: throw HookError.badValues(found: "'\(text)'")
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch value {
      case .infinity: try container.encode("inf")
      case -.infinity: try container.encode("-inf")
      default: try container.encode(value)
      }
    }
  }
}
