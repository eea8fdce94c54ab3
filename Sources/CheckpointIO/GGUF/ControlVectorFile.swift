// ControlVectorFile: directions that are added to the residual stream, as llama.cpp loads them: a GGUF file of the
// architecture `controlvector` with one f32 tensor `direction.{layer}` a layer, added to what leaves block `layer`.
// Source: ggml's docs/gguf.md (version 3); llama.cpp `common_control_vector_load_one`, which refuses layer 0.

/// Writes GGUF control vectors.
public enum ControlVectorFile {
  /// Writes `directions`, by layer; the file appears complete or not at all.
  ///
  /// - Parameters:
  ///   - directions: layers from 1 on, each with as many numbers as the model is wide.
  ///   - layers: how many blocks the model has.
  ///   - model: the model's family, such as `llama`: the key `controlvector.model_hint`.
  ///   - path: the file to be.
  /// - Throws: `CheckpointError.cannotWrite`; also for a layer 0, which the format lacks.
  public static func write(
    _ directions: [(layer: Int, values: [Float])], layers: Int, model: String, to path: String
  ) throws {
    guard !directions.isEmpty, !directions.contains(where: { $0.layer < 1 }) else {
      throw CheckpointError.cannotWrite(
        file: path,
        fact: "a GGUF control vector begins at layer 1: llama.cpp has no direction for block 0; "
          + "choose a later layer")
    }
    var header = Bytes()
    header.bytes += Array("GGUF".utf8)
    header.integer(UInt32(3))
    header.integer(UInt64(directions.count))
    header.integer(UInt64(3))
    header.pair("general.architecture", "controlvector")
    header.pair("controlvector.model_hint", model)
    header.pair("controlvector.layer_count", UInt32(layers))
    var offset = 0
    for (layer, values) in directions {
      header.text("direction.\(layer)")
      header.integer(UInt32(1))
      header.integer(UInt64(values.count))
      header.integer(UInt32(0))
      header.integer(UInt64(offset))
      offset = padded(offset + values.count * 4)
    }
    header.bytes += Array(repeating: 0, count: padded(header.bytes.count) - header.bytes.count)
    for (_, values) in directions {
      for value in values { header.integer(value.bitPattern) }
      header.bytes += Array(repeating: 0, count: padded(header.bytes.count) - header.bytes.count)
    }
    try AtomicFile.write(header.bytes, to: path)
  }

  /// The format's default, which a file need not say.
  private static let alignment = 32

  private static func padded(_ count: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  /// Little-endian numbers, and texts after their length.
  private struct Bytes {
    var bytes: [UInt8] = []

    mutating func integer(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func text(_ text: String) {
      integer(UInt64(text.utf8.count))
      bytes += Array(text.utf8)
    }

    /// Type 8: a text.
    mutating func pair(_ key: String, _ value: String) {
      text(key)
      integer(UInt32(8))
      text(value)
    }

    /// Type 4: an unsigned integer of 32 bits.
    mutating func pair(_ key: String, _ value: UInt32) {
      text(key)
      integer(UInt32(4))
      integer(value)
    }
  }
}
