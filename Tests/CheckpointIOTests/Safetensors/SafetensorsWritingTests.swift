// The writer: the bytes of Python's safetensors, the same for every order of the caller.

import CheckpointIO
import Foundation
import TensorCore
import Testing

@Suite struct SafetensorsWritingTests {
  static func types() -> [StoredTensor] {
    let fractions: [Double] = [-1, -0.25, 0.5, 1.25, 2, 2.75]
    var tensors: [StoredTensor] = []
    for type in [StorageType.float64, .float32, .float16, .bfloat16] {
      tensors.append(
        StoredTensor(name: type.rawValue.lowercased(), shape: [2, 3], doubles: fractions, as: type))
    }
    for type in [StorageType.int64, .int32, .int16, .int8] {
      tensors.append(
        StoredTensor(name: type.rawValue.lowercased(), shape: [3], integers: [-1, 0, 1], as: type))
    }
    for type in [StorageType.uint64, .uint32, .uint16, .uint8] {
      tensors.append(
        StoredTensor(name: type.rawValue.lowercased(), shape: [3], integers: [0, 1, 2], as: type))
    }
    tensors.append(StoredTensor(name: "bool", shape: [3], integers: [0, 1, 1], as: .bool))
    tensors.append(StoredTensor(name: "scalar", shape: [], floats: [2.5]))
    tensors.append(StoredTensor(name: "empty", shape: [0, 4], floats: []))
    tensors.append(StoredTensor(name: "h.0.é \"quoted\"", shape: [1], floats: [1]))
    return tensors
  }

  @Test func bytesAreThoseOfPython() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f.safetensors"
    let expected = try Fixture.bytes("types.safetensors")
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<5 {
      let shuffled = Self.types().shuffled(using: &generator)
      try SafetensorsWriter.write(tensors: shuffled, metadata: ["format": "pt"], to: path)
      #expect(try FileReading.readFile(path) == expected)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
  }

  @Test func metadataIsSortedAndKept() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f"
    let metadata = ["z": "1", "a": "2", "m\n\"": "é"]
    try SafetensorsWriter.write(
      tensors: [StoredTensor(name: "x", Tensor(shape: [2], values: [1, 2]))], metadata: metadata,
      to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == metadata)
    #expect(try file.floats(named: "x") == [1, 2])
    let text = String(decoding: try FileReading.readFile(path)[8...].prefix(60), as: UTF8.self)
    #expect(text.hasPrefix(#"{"__metadata__":{"a":"2","m\n\"":"é","z":"1"},"x":{"#))
    try SafetensorsWriter.write(tensors: [], to: path)
    #expect(try SafetensorsFile(path: path).names == [])
    #expect(try FileReading.readFile(path).count == 16)
  }

  @Test func refusesTwoOfOneName() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f"
    let tensor = StoredTensor(name: "x", shape: [1], floats: [1])
    #expect(
      try sentence { try SafetensorsWriter.write(tensors: [tensor, tensor], to: path) }
        == "a second tensor has the name 'x'")
    let reserved = StoredTensor(name: "__metadata__", shape: [1], floats: [1])
    #expect(try sentence { try SafetensorsWriter.write(tensors: [reserved], to: path) } != nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func integersComeBack() throws {
    let folder = try TemporaryFolder()
    let values = [Int.min, -1, 0, 1, .max]
    try SafetensorsWriter.write(
      tensors: [StoredTensor(name: "i", shape: [5], integers: values)], to: folder.path + "/f")
    #expect(try SafetensorsFile(path: folder.path + "/f").integers(named: "i") == values)
    try SafetensorsWriter.write(
      tensors: [
        StoredTensor(
          name: "u", dtype: .uint64, shape: [1], bytes: [UInt8](repeating: 255, count: 8))
      ], to: folder.path + "/g")
    #expect(
      try sentence { try SafetensorsFile(path: folder.path + "/g").integers(named: "u") } != nil)
  }
}
