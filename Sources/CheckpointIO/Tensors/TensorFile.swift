// What safetensors, .npz and checkpoint folders have in common: tensors by name.

/// Named tensors in a file, or in the files of a folder.
public protocol TensorFile: Sendable {
  var path: String { get }
  /// The names of all tensors, in a fixed order.
  var names: [String] { get }
  /// - Throws: `CheckpointError.missingTensor` when there is none of that name.
  func tensor(named name: String) throws -> TensorView
}

extension TensorFile {
  /// The elements of an F32, F16 or BF16 tensor; widening is exact.
  public func floats(named name: String) throws -> [Float] { try tensor(named: name).floats() }

  /// The elements of a tensor of any type but 64-bit integers; widening is exact.
  public func doubles(named name: String) throws -> [Double] { try tensor(named: name).doubles() }

  /// The elements of a tensor of integers or truth values.
  public func integers(named name: String) throws -> [Int] { try tensor(named: name).integers() }
}
