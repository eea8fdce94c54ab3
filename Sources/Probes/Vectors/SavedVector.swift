// SavedVector: a vector of the residual stream in a file, with what it is: what `extract` writes and the probes save
// in vectors.safetensors, and what `patch` and `generate` apply.

import CheckpointIO
import HookPoints
import HookedModels

/// A vector, or one for each of several demonstration sets, at one hook point.
public struct SavedVector: Sendable, Equatable {
  /// How a vector is applied.
  public enum Mode: String, Sendable, CaseIterable {
    /// It takes the activation's place: θ(S) of Hendel et al. 2023.
    case replace
    /// It is added to the activation: θ(S) minus the same prompts without demonstrations.
    case add
  }

  /// The tensor's name in its file.
  public let name: String
  /// Where it was taken; nil for a file that does not say.
  public let hook: HookName?
  /// nil for a file that does not say.
  public let mode: Mode?
  /// One vector, or one for each demonstration set, each of the model's width.
  public let rows: [[Float]]
  /// Everything that the file says of it.
  public let metadata: [String: String]

  /// The mean of the rows.
  public var mean: [Float] {
    guard let first = rows.first, rows.count > 1 else { return rows.first ?? [] }
    return first.indices.map { column in
      Float(rows.reduce(0.0) { $0 + Double($1[column]) } / Double(rows.count))
    }
  }

  public init(name: String, hook: HookName, mode: Mode, rows: [[Float]], metadata: [String: String])
  {
    self.name = name
    self.hook = hook
    self.mode = mode
    self.rows = rows
    self.metadata = metadata
  }

  /// Reads one tensor of a safetensors file.
  ///
  /// - Parameters:
  ///   - path: the safetensors file.
  ///   - wanted: which tensor; may be left out where there is one only.
  ///   - row: one row of it, instead of all.
  /// - Throws: `CheckpointError` for a file that cannot be read, `RunError.invalidInput` where it is not clear which
  ///   vector is meant.
  public init(path: String, tensor wanted: String? = nil, row: Int? = nil) throws {
    for format in [Format.csv, .gguf] where path.lowercased().hasSuffix(".\(format)") {
      throw RunError.invalidInput(
        subject: path,
        fact: "a .\(format) is written for others; give the .safetensors of the same vector")
    }
    let file = try SafetensorsFile(path: path)
    let names = file.names.sorted()
    let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    guard let name = wanted ?? (names.count == 1 ? names[0] : nil), names.contains(name) else {
      throw RunError.invalidInput(
        subject: path,
        fact: wanted.map { "there is no tensor '\($0)' in it; there are \(shown)" }
          ?? "it holds \(names.count) tensors; name one with --tensor: \(shown)")
    }
    let view = try file.tensor(named: name)
    let values = try view.floats()
    guard let width = view.shape.last, width > 0, (1...2).contains(view.shape.count),
      !values.isEmpty
    else {
      throw CheckpointError.wrongTensor(
        file: path, tensor: name, found: "shape \(view.shape)",
        expected: "a vector [D] or several [n, D]")
    }
    var rows = (0..<values.count / width).map { Array(values[$0 * width..<($0 + 1) * width]) }
    if let row {
      guard rows.indices.contains(row) else {
        throw RunError.invalidInput(
          subject: path, fact: "'\(name)' has \(rows.count) rows, counted from 0, and no row \(row)"
        )
      }
      rows = [rows[row]]
    }
    var metadata: [String: String] = [:]
    if let text = file.metadata[name] {
      for (key, value) in try JSON(parsing: text.utf8, file: path).objectValue ?? JSONObject() {
        metadata[key] = value.stringValue
      }
    }
    self.name = name
    self.rows = rows
    self.metadata = metadata
    hook = metadata["hook"].flatMap { HookName(canonical: $0) }
    // The probe's vectors are all replacements and older ones do not say so.
    mode = metadata["mode"].flatMap { Mode(rawValue: $0) } ?? (hook == nil ? nil : .replace)
  }

  /// The intervention that applies the vector.
  ///
  /// - Parameters:
  ///   - folder: of the model it is applied to.
  ///   - layer: after which block, where it is not the one it was taken from.
  ///   - mode: how, where it is not as the file says.
  ///   - scale: what an added vector is multiplied with.
  ///   - positions: where, in each sequence.
  ///   - file: what messages call the vector.
  /// - Throws: as `placed`.
  public func intervention(
    in folder: ModelFolder, layer: Int? = nil, mode: Mode? = nil, scale: Double = 1,
    at positions: PositionSelector, file: String
  ) throws -> Intervention {
    let (target, mode) = try use(in: folder, layer: layer, mode: mode, file: file)
    let action: InterventionAction =
      mode == .replace ? .replace(HookValues(mean)) : .add(HookValues(mean), scaled: scale)
    return Intervention(hook: .name(target), positions: positions, action: action)
  }
}

extension SavedVector {
  /// Where and how the vector is used in a model, as the caller or else the file says.
  private func use(in folder: ModelFolder, layer: Int?, mode: Mode?, file: String) throws
    -> (HookName, Mode)
  {
    guard let target = layer.map({ HookName.block($0, .residPost) }) ?? hook else {
      throw RunError.invalidInput(
        subject: file, fact: "it does not say which layer '\(name)' is of; give --layer")
    }
    guard let mode = mode ?? self.mode else {
      throw RunError.invalidInput(
        subject: file,
        fact: "it does not say whether '\(name)' replaces or is added; give --mode replace or add")
    }
    let entry = try folder.architecture.hookCatalog(model: folder.name).entry(target)
    guard rows[0].count == entry.width else {
      throw RunError.invalidInput(
        subject: file,
        fact:
          "'\(name)' has \(rows[0].count) numbers, and \(target) of \(folder.name) has \(entry.width)"
      )
    }
    return (target, mode)
  }

  /// The same vector, as what it is in a model.
  ///
  /// - Throws: `RunError.invalidInput` where neither the file nor the caller says which layer or how, and for another width
  ///   than the place's; `HookError` for a place that the model does not have.
  public func placed(in folder: ModelFolder, layer: Int?, mode: Mode?, file: String) throws
    -> SavedVector
  {
    let (hook, mode) = try use(in: folder, layer: layer, mode: mode, file: file)
    var metadata = metadata
    metadata["hook"] = "\(hook)"
    metadata["layer"] = hook.layer.map { "\($0)" }
    metadata["mode"] = mode.rawValue
    return SavedVector(name: name, hook: hook, mode: mode, rows: rows, metadata: metadata)
  }

  /// Writes the file that the path's ending asks for: safetensors as runs write it, CSV, or a GGUF control vector.
  ///
  /// - Throws: `CheckpointError.cannotWrite`; `RunError.refused` for a replacement vector as GGUF.
  public func write(to path: String, model: Architecture) throws {
    guard let hook else { preconditionFailure("\(name) has no hook") }
    switch try Self.format(of: path, mode: mode ?? .replace, layer: hook.layer) {
    case .safetensors:
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let text = JSON.object(JSONObject(sorted.map { ($0.key, .string($0.value)) }))
        .serialized(pretty: false)
      try SafetensorsWriter.write(
        tensors: [
          StoredTensor(name: name, shape: [rows.count, rows[0].count], floats: rows.flatMap { $0 })
        ], metadata: [name: text], to: path)
    case .csv: try AtomicFile.write(table.csv, to: path)
    case .gguf:
      guard hook.point == .residPost else {
        throw RunError.refused(
          folder: path,
          fact: "a GGUF control vector is added after a block, and this one at \(hook)",
          remedy: "write .safetensors")
      }
      try ControlVectorFile.write(
        [(hook.layer ?? 0, mean)], layers: model.layers, model: model.family, to: path)
    }
  }

  enum Format: String, CaseIterable { case safetensors, csv, gguf }

  /// The format that a path asks for.
  ///
  /// - Throws: `RunError.refused` for another ending, and for a GGUF that cannot hold the vector.
  @discardableResult
  static func format(of path: String, mode: Mode, layer: Int?) throws -> Format {
    guard let format = Format.allCases.first(where: { path.hasSuffix(".\($0.rawValue)") }) else {
      throw RunError.refused(
        folder: path, fact: "the ending says no format",
        remedy: "write .safetensors, .csv or .gguf")
    }
    if format == .gguf, mode == .replace {
      throw RunError.refused(
        folder: path,
        fact: "a GGUF control vector is added to the stream, and this vector replaces it",
        remedy: "extract with --mode add, or write .safetensors")
    }
    if format == .gguf, layer == 0 {
      throw RunError.refused(
        folder: path, fact: "llama.cpp's control vectors begin at layer 1, and this is layer 0",
        remedy: "choose a later --layer, or write .safetensors")
    }
    return format
  }

  private var table: Table {
    var table = Table(.vector)
    for (set, row) in rows.enumerated() {
      for (component, value) in row.enumerated() {
        table.append([
          .optional(metadata["model"]), .optional(metadata["task"]),
          .text(hook.map { "\($0)" } ?? ""), .optional(hook?.layer),
          .text((mode ?? .replace).rawValue), .integer(set), .integer(component),
          .real(Double(value)),
        ])
      }
    }
    return table
  }
}

extension TableSchema {
  /// What `thetascope extract` writes into a .csv.
  static let vector = TableSchema(
    file: "vector.csv", meaning: "One row per number of a vector.",
    columns: [
      Column("model", .text, "The model: its folder's last component.", whenEmpty: "not said"),
      Column("task", .text, "The task it was extracted from.", whenEmpty: "not said"),
      Column("hook", .text, "Where it was taken."),
      Column("layer", .integer, "The block, counted from 0.", whenEmpty: "outside the blocks"),
      Column("mode", .text, "Whether it replaces or is added."),
      Column("set", .integer, "The demonstration set, counted from 0."),
      Column("component", .integer, "The place in the vector, counted from 0."),
      Column(
        "value", .real, "The number.", formula: "θ(S)_component", unit: "the activation's",
        whenEmpty: "it is not finite", source: "Hendel et al. 2023, arXiv:2310.15916, §3"),
    ])
}
