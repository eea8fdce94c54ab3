// ModelFolder: a Hugging Face folder as a model. Opening reads headers only and verifies all of them: every
// tensor that the architecture needs, its shape and type, and that nothing else lies there.

import CheckpointIO
import TensorCore

/// A checkpoint folder whose tensors have been matched to an architecture.
public struct ModelFolder: Sendable {
  /// The folder.
  public let path: String
  /// What its config.json describes.
  public let architecture: Architecture
  /// The config keys that were absent, and the class defaults taken for them.
  public let defaultsUsed: JSONObject
  /// The files a digest must cover.
  public let files: [String]
  private let checkpoint: CheckpointFolder
  private let sources: [String: (view: TensorView, source: TensorSource)]

  /// The folder's last component.
  public var name: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// - Throws: `CheckpointError` for files that cannot be read, `ModelError` for a family, a value or a tensor
  ///   that does not fit.
  public init(path: String) throws {
    let checkpoint = try CheckpointFolder(path: path)
    var config = try checkpoint.configReader()
    let architecture = try Architecture(reading: &config)
    let family = try Families.named(architecture.family, file: config.file)

    // Names without the prefix that the whole checkpoint may carry.
    var actual: [String: String] = [:]
    for name in checkpoint.names {
      let prefix = family.prefixes.first { name.hasPrefix($0) } ?? ""
      let bare = String(name.dropFirst(prefix.count))
      if let other = actual.updateValue(name, forKey: bare) {
        throw CheckpointError.invalidFolder(
          file: path,
          fact: "tensor '\(bare)' is there twice, also as '\(other == bare ? name : other)'")
      }
    }
    var sources: [String: (view: TensorView, source: TensorSource)] = [:]
    var used: Set<String> = []
    for parameter in architecture.parameters {
      var source = family.source(of: parameter.name, in: architecture)
      if let other = source.otherwise, actual[source.tensor] == nil, actual[other] != nil {
        source.tensor = other
      }
      guard let name = actual[source.tensor] else {
        throw ModelError.missingTensor(
          file: path, name: source.tensor, shape: source.shape(of: parameter.shape),
          present: checkpoint.names.count)
      }
      let view = try checkpoint.tensor(named: name)
      let expected = source.shape(of: parameter.shape)
      guard view.shape == expected else {
        throw ModelError.wrongShape(
          file: view.path, name: name, found: view.shape, expected: expected)
      }
      guard [.float32, .float16, .bfloat16].contains(view.dtype) else {
        throw ModelError.wrongType(file: view.path, name: name, found: view.dtype.rawValue)
      }
      sources[parameter.name] = (view, source)
      used.insert(source.tensor)
    }
    let unused = actual.keys.filter {
      !used.contains($0) && !family.mayBeUnused($0, in: architecture)
    }
    guard unused.isEmpty else {
      throw ModelError.unusedTensors(file: path, names: unused.compactMap { actual[$0] }.sorted())
    }
    self.path = path
    self.architecture = architecture
    self.checkpoint = checkpoint
    self.sources = sources
    defaultsUsed = config.defaultsUsed
    files = checkpoint.files
  }

  /// The bytes that the packed weights take.
  public func weightBytes(_ precision: Precision) -> Int {
    architecture.parameters.reduce(0) { sum, wanted in
      let count = wanted.shape.reduce(1, *)
      // Rows of the embedding are read where they lie; where it is the unembedding too, it is packed.
      if wanted.name == "embed_positions.weight" { return sum }
      if wanted.name == "embed_tokens.weight", !architecture.tiedEmbeddings { return sum }
      let stored = sources[wanted.name]?.view.dtype.size ?? 4
      return sum + count * (wanted.shape.count == 1 ? 4 : precision == .bf16 ? 2 : stored)
    }
  }

  /// The model; a matrix is read and packed at its first use. In a rehearsal, a miniature that stands for it.
  public func model<Scalar: TensorScalar>(
    as scalar: Scalar.Type = Scalar.self, on context: ComputeContext
  ) -> Transformer<Scalar> {
    if context.rehearsal != nil {
      var model = Transformer<Scalar>.drawn(
        name: name, architecture: architecture.miniature, seed: 0, context: context)
      model.hold(weightBytes(context.precision))
      return model
    }
    var parameters: [String: Parameter<Scalar>] = [:]
    for wanted in architecture.parameters {
      guard let (view, source) = sources[wanted.name] else { continue }
      parameters[wanted.name] = Parameter(
        name: wanted.name, shape: wanted.shape, stored: source.elements(of: view))
    }
    return Transformer(
      name: name, architecture: architecture, parameters: parameters, context: context)
  }

  /// Throws when a file of weights was changed since the folder was opened.
  public func verifyUnchanged() throws { try checkpoint.verifyUnchanged() }
}

extension TensorSource {
  /// The shape that the checkpoint's tensor has for a parameter of `shape`.
  func shape(of shape: [Int]) -> [Int] {
    let whole = [shape[0] * part.of] + shape.dropFirst()
    if hasUnitAxis { return [whole[0], 1] + whole.dropFirst() }
    return isTransposed ? whole.reversed() : whole
  }

  /// The parameter's elements where they lie in the checkpoint.
  func elements(of view: TensorView) -> StoredElements {
    let size = view.dtype.size
    let width = view.shape.count == 1 ? 1 : view.shape[view.shape.count - 1]
    if groups > 1 { return interleaved(in: view, rowBytes: width * size) }
    // The first element of the part: outputs are columns of a transposed matrix, rows otherwise.
    let outputs = isTransposed ? width : view.shape[0]
    let first = outputs / part.of * part.index * (isTransposed ? 1 : width)
    let isMatrix = view.shape.count > 1
    /// The bytes in which whole rows of the parameter lie.
    @Sendable func bytes(_ rows: Range<Int>) -> Range<Int> {
      if isTransposed { return (first + rows.lowerBound) * size..<view.count * size }
      if !isMatrix { return first * size..<(first + outputs / part.of) * size }
      return (first + rows.lowerBound * width) * size..<(first + rows.upperBound * width) * size
    }
    return StoredElements(
      elementType: view.dtype.elementType ?? .float32,
      rowStride: isTransposed || !isMatrix ? 1 : width, columnStride: isTransposed ? width : 1,
      access: { rows, body in
        view.withUnsafeBytes(in: bytes(rows)) { if let base = $0.baseAddress { body(base) } }
      }, giveBack: { view.release(bytes($0)) })
  }

  /// Rows of the part of each group, gathered when they are read: the groups' outputs are not evenly apart.
  private func interleaved(in view: TensorView, rowBytes: Int) -> StoredElements {
    let height = view.shape[0] / part.of / groups
    let (index, parts, isMatrix) = (part.index, part.of, view.shape.count > 1)
    let outputs = height * groups
    return StoredElements(
      elementType: view.dtype.elementType ?? .float32, rowStride: rowBytes / view.dtype.size,
      columnStride: 1,
      access: { rows, body in
        let rows = isMatrix ? rows : 0..<outputs
        var gathered: [UInt8] = []
        gathered.reserveCapacity(rows.count * rowBytes)
        var row = rows.lowerBound
        while row < rows.upperBound {
          let (group, within) = row.quotientAndRemainder(dividingBy: height)
          let count = min(height - within, rows.upperBound - row)
          let source = ((group * parts + index) * height + within) * rowBytes
          view.withUnsafeBytes(in: source..<source + count * rowBytes) {
            gathered.append(contentsOf: $0)
          }
          row += count
        }
        gathered.withUnsafeBytes { if let base = $0.baseAddress { body(base) } }
      },
      giveBack: { rows in
        guard isMatrix else { return view.release() }
        let groups = rows.lowerBound / height..<(rows.upperBound + height - 1) / height
        let row = parts * height * rowBytes
        view.release(groups.lowerBound * row..<groups.upperBound * row)
      })
  }
}
