// Files of Python's safetensors, read; every conversion against PyTorch's.

import CheckpointIO
import Foundation
import TensorCore
import Testing

@Suite struct SafetensorsReadingTests {
  @Test func readsEveryType() throws {
    let file = try SafetensorsFile(path: Fixture.path("types.safetensors"))
    #expect(file.metadata == ["format": "pt"])
    #expect(
      file.names == [
        "u64", "i64", "f64", "empty", "f32", "h.0.é \"quoted\"", "scalar", "u32", "i32", "bf16",
        "f16",
        "u16", "i16", "i8", "u8", "bool",
      ])
    let fractions = [-1, -0.25, 0.5, 1.25, 2, 2.75]
    for name in ["f64", "f32", "f16", "bf16"] {
      let tensor = try file.tensor(named: name)
      #expect(tensor.dtype.rawValue == name.uppercased())
      #expect(tensor.shape == [2, 3])
      #expect(tensor.count == 6)
      #expect(try tensor.doubles() == fractions)
      if name != "f64" { #expect(try file.floats(named: name) == fractions.map { Float($0) }) }
    }
    for name in ["i64", "i32", "i16", "i8"] {
      #expect(try file.tensor(named: name).dtype.rawValue == name.uppercased())
      #expect(try file.integers(named: name) == [-1, 0, 1])
    }
    for name in ["u64", "u32", "u16", "u8"] {
      #expect(try file.integers(named: name) == [0, 1, 2])
    }
    #expect(try file.doubles(named: "i8") == [-1, 0, 1])
    #expect(try file.integers(named: "bool") == [0, 1, 1])
    #expect(try file.tensor(named: "scalar").shape == [])
    #expect(try file.floats(named: "scalar") == [2.5])
    #expect(try file.tensor(named: "empty").shape == [0, 4])
    #expect(try file.floats(named: "empty") == [])
    #expect(try file.floats(named: "h.0.é \"quoted\"") == [1])
  }

  @Test func nothingInexactIsConverted() throws {
    let file = try SafetensorsFile(path: Fixture.path("types.safetensors"))
    #expect(
      try sentence { try file.floats(named: "f64") }
        == "tensor 'f64' has dtype F64, expected F32, F16 or BF16")
    #expect(
      try sentence { try file.floats(named: "i32") }
        == "tensor 'i32' has dtype I32, expected F32, F16 or BF16")
    #expect(
      try sentence { try file.doubles(named: "i64") }
        == "tensor 'i64' has dtype I64, expected a type that a double holds exactly")
    #expect(
      try sentence { try file.integers(named: "f32") }
        == "tensor 'f32' has dtype F32, expected integers that fit in 64 bits with a sign")
    #expect(try sentence { try file.floats(named: "absent") } == "there is no tensor 'absent'")
    #expect(
      try sentence { try file.tensor(named: "f32").verify(shape: [3, 2]) }
        == "tensor 'f32' has shape [2, 3], expected [3, 2]")
  }

  @Test(arguments: ["f16", "bf16"])
  func wideningIsExact(_ type: String) throws {
    let file = try SafetensorsFile(path: Fixture.path("widening_\(type).safetensors"))
    let widened = try file.floats(named: "half")
    let expected = try file.floats(named: "widened")
    #expect(widened.count > 9000)
    #expect(widened.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  @Test(arguments: [StorageType.float16, .bfloat16])
  func narrowingIsPyTorchs(_ type: StorageType) throws {
    let file = try SafetensorsFile(path: Fixture.path("narrowing.safetensors"))
    let source = try file.floats(named: "source")
    let narrowed = StoredTensor(name: "x", shape: [source.count], floats: source, as: type)
    let expected = try file.tensor(named: type.rawValue.lowercased()).withUnsafeBytes { Array($0) }
    #expect(source.count > 500)
    #expect(narrowed.bytes == expected)
  }

  /// Also from an address that no float may have, and in part.
  @Test func elementsWhereTheyLie() throws {
    let folder = try TemporaryFolder()
    let values = (0..<12).map(Float.init)
    let elements = values.withUnsafeBytes { Array($0) }
    for padding in [0, 1, 3] {
      var header =
        #"{"w":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]},"v":{"dtype":"F32","shape":[12],"data_offsets":[48,96]}}"#
      header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8 + padding)
      let length = withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) }
      let path = try folder.write(
        length + Array(header.utf8) + elements + elements, to: "p\(padding)")
      let file = try SafetensorsFile(path: path)
      let view = try file.tensor(named: "w")
      #expect(try view.floats() == values)
      view.withUnsafeBytes { #expect(UInt(bitPattern: $0.baseAddress) % 4 == 0) }

      view.release(16..<48)
      view.withUnsafeBytes(in: 16..<32) { part in
        #expect(part.count == 16 && UInt(bitPattern: part.baseAddress) % 4 == 0)
        #expect(Array(part.bindMemory(to: Float.self)) == [4, 5, 6, 7])
      }
    }
  }

  @Test func aRealCheckpoint() throws {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    let root = parts.dropLast(4).joined(separator: "/")
    let path = "\(root)/../shared/real/models/stories260K/hf"
    guard FileManager.default.fileExists(atPath: path) else {
      print("skipped: aRealCheckpoint: \(path) is absent")
      return
    }
    let folder = try CheckpointFolder(path: path)
    let elements = try folder.names.map { try folder.tensor(named: $0).count }
    #expect(elements.reduce(0, +) >= 260_032)
    #expect(folder.files == ["config.json", "model.safetensors"])
    let golden = try SafetensorsFile(path: path + "/golden.safetensors")
    #expect(golden.contains("logits"))
    #expect(try golden.doubles(named: "logits").allSatisfy { $0.isFinite })
  }
}
