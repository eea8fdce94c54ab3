// CaptureRecording: activations of many prompts, or of the steps of a generation, gathered hook by hook and written as
// .npz, safetensors or tidy CSV. Rows are tokens, one after the other, beside arrays that say which token each is.

import CheckpointIO
import HookPoints
import HookedModels
import TensorCore

/// Activations on their way to a file.
public struct CaptureRecording: Sendable {
  /// What runs are counted as: prompts of a batch, or passes of one generation.
  public enum Unit: String, Sendable {
    case prompt, step

    /// The tag before the number in the name of an array of scores: `NAME/seq3`.
    var tag: String { self == .prompt ? "seq" : "step" }
  }

  /// Which token a row is.
  struct Row: Equatable {
    let unit: Int
    let position: Int?
    let token: Int?
  }

  private struct Rows {
    let shape: [Int]
    var rows: [Row]
    var values: [Float]
  }

  let model: String
  /// What an array is of.
  public let unit: Unit
  private let catalog: HookCatalog
  private var rows: [HookName: Rows] = [:]
  /// Scores and patterns: one array for each unit.
  private var matrices: [HookName: [(unit: Int, rows: [Row], values: Tensor<Float>)]] = [:]
  private var inputs: [[Int]] = []

  public init(_ catalog: HookCatalog, unit: Unit) {
    model = catalog.model
    self.catalog = catalog
    self.unit = unit
  }

  /// Adds what a run recorded of its sequences, which count on from those before.
  ///
  /// - Parameters:
  ///   - cache: what the run recorded.
  ///   - tokens: the tokens of each sequence; of a step those that it computed.
  ///   - past: tokens of each sequence that were computed before this step.
  public mutating func append(_ cache: ActivationCache<Float>, tokens: [[Int]], past: Int = 0)
    throws
  {
    let first = inputs.count
    inputs += tokens
    func row(_ address: RowAddress) -> Row {
      Row(
        unit: first + address.sequence, position: address.position,
        token: address.position.map { tokens[address.sequence][$0 - past] })
    }
    for hook in cache.hooks {
      if try catalog.entry(hook).rowKind == .query {
        for (sequence, addresses) in Dictionary(
          grouping: try cache.addresses(hook), by: \.sequence
        ).sorted(by: { $0.key < $1.key }) {
          matrices[hook, default: []].append(
            (first + sequence, addresses.map(row), try cache.tensor(hook, sequence: sequence)))
        }
      } else {
        let tensor = try cache.tensor(hook)
        var own = rows[hook] ?? Rows(shape: Array(tensor.shape.dropFirst()), rows: [], values: [])
        own.rows += try cache.addresses(hook).map(row)
        tensor.withUnsafeBufferPointer { own.values.append(contentsOf: $0) }
        rows[hook] = own
      }
    }
  }

  /// The arrays in firing order: rows under the hook's name, scores under `NAME/seq3` (of a generation `NAME/step3`);
  /// `prompt` (or `step`), `position` and `token_id` of the rows; the ids of each prompt under `input_ids/seq3`.
  ///
  /// Where the recorded hooks have different rows, a hook's own stand under `NAME/position` and so on.
  public func tensors() -> [StoredTensor] {
    var made: [StoredTensor] = []
    let shared = rows.sorted { $0.key < $1.key }.first { $0.value.rows.first?.position != nil }?
      .value.rows
    func index(_ prefix: String, _ rows: [Row]) {
      let columns: [(String, [Int?])] = [
        (unit.rawValue, rows.map { $0.unit }), ("position", rows.map { $0.position }),
        ("token_id", rows.map { $0.token }),
      ]
      for (name, values) in columns where !values.contains(nil) {
        made.append(
          StoredTensor(
            name: prefix + name, shape: [values.count], integers: values.compactMap { $0 }))
      }
    }
    if let shared { index("", shared) }
    for (number, tokens) in inputs.enumerated() {
      made.append(
        StoredTensor(
          name: "input_ids/\(unit.tag)\(number)", shape: [tokens.count], integers: tokens))
    }
    for hook in Set(rows.keys).union(matrices.keys).sorted() {
      if let own = rows[hook] {
        if own.rows != shared { index("\(hook)/", own.rows) }
        made.append(
          StoredTensor(
            name: "\(hook)", shape: [own.rows.count] + own.shape, floats: own.values))
      }
      for (number, _, values) in matrices[hook] ?? [] {
        made.append(StoredTensor(name: "\(hook)/\(unit.tag)\(number)", values))
      }
    }
    return made
  }

  /// Writes the file that the path's ending asks for; it appears complete or not at all.
  ///
  /// - Parameters:
  ///   - path: ends in .npz, .safetensors or .csv.
  ///   - metadata: goes into a safetensors file.
  ///   - piece: the text of a token, for the CSV.
  ///   - normsOnly: of a CSV only the rows of norms.
  public func write(
    to path: String, metadata: [String: String], piece: (Int) -> String, normsOnly: Bool = false
  ) throws {
    switch CaptureFormat(path: path) {
    case .npz: try NPZWriter.write(tensors: tensors(), to: path)
    case .safetensors:
      try SafetensorsWriter.write(tensors: tensors(), metadata: metadata, to: path)
    case .csv: try writeCSV(to: path, piece: piece, normsOnly: normsOnly)
    case nil: preconditionFailure("\(path): no format; it is checked before a run")
    }
  }
}

/// The files that activations are written to.
public enum CaptureFormat: String, Sendable, CaseIterable {
  case npz, safetensors, csv

  /// By the ending of a file's name; nil for any other.
  public init?(path: String) {
    guard let found = Self.allCases.first(where: { path.hasSuffix(".\($0.rawValue)") }) else {
      return nil
    }
    self = found
  }
}

extension CaptureRecording {
  private func writeCSV(to path: String, piece: (Int) -> String, normsOnly: Bool) throws {
    let schema = TableSchema.activations(unit)
    try AtomicFile.write(to: path) { output in
      var encoder = CSVEncoder()
      encoder.appendHeader(schema)
      for hook in Set(rows.keys).union(matrices.keys).sorted() {
        func append(_ row: Row, head: Int?, _ values: ArraySlice<Float>) {
          let fixed: [TableValue] = [
            .text(model), .integer(row.unit), .optional(row.position), .optional(row.token),
            .optional(row.token.map(piece)), .text("\(hook)"), .optional(hook.layer),
            .optional(head),
          ]
          encoder.append(
            fixed + [.empty, .text("norm"), .real(Statistics.norm(Array(values)))], schema)
          guard !normsOnly else { return }
          for (component, value) in values.enumerated() {
            encoder.append(
              fixed + [.integer(component), .text("value"), .real(Double(value))], schema)
          }
        }
        if let own = rows[hook] {
          let heads = try catalog.entry(hook).heads
          let width = own.shape.reduce(1, *)
          let part = width / (heads ?? 1)
          for (place, row) in own.rows.enumerated() {
            for head in 0..<(heads ?? 1) {
              let start = place * width + head * part
              append(row, head: heads == nil ? nil : head, own.values[start..<start + part])
            }
            try output.append(encoder.take())
          }
        }
        for (_, own, values) in matrices[hook] ?? [] {
          for (query, row) in own.enumerated() {
            for head in 0..<values.shape[0] {
              append(row, head: head, values.row(head * own.count + query)[...])
            }
            try output.append(encoder.take())
          }
        }
      }
      try output.append(encoder.take())
    }
  }
}

extension TableSchema {
  /// One row per number of an activation, and one per vector for its norm.
  static func activations(_ unit: CaptureRecording.Unit) -> TableSchema {
    TableSchema(
      file: "activations.csv",
      meaning: "One row per number of an activation, and one for its norm.",
      columns: [
        Column("model", .text, "The model: its folder's last component."),
        unit == .prompt
          ? Column("prompt", .integer, "The prompt, counted from 0 in the order given.")
          : Column("step", .integer, "The pass: 0 is the prompt, n the n-th token added."),
        Column(
          "position", .integer, "The token's place in its sequence, counted from 0.",
          whenEmpty: "the value belongs to a whole sequence"),
        Column(
          "token_id", .integer, "The token's id.",
          whenEmpty: "the value belongs to a whole sequence"),
        Column(
          "token", .text, "The token's text.", whenEmpty: "the value belongs to a whole sequence"),
        Column("hook", .text, "The hook point, as TransformerLens names it."),
        Column(
          "layer", .integer, "The block, counted from 0.",
          whenEmpty: "the point is outside the blocks"),
        Column("head", .integer, "The head, counted from 0.", whenEmpty: "the point has no heads"),
        Column(
          "component", .integer,
          "The place in the vector, counted from 0; of scores and patterns the key's position.",
          whenEmpty: "the row is the vector's norm"),
        Column("quantity", .text, "What the value is.", range: "value, norm"),
        Column(
          "value", .real, "A number of the activation, or the Euclidean norm of the vector.",
          formula: "a_component, or ‖a‖ = √(Σ a_i²)", unit: "the activation's",
          whenEmpty: "the number is infinite, as masked scores are",
          source: "TransformerLens, which names the hook points"),
      ])
  }
}
