// GGUF control vectors are, byte for byte, what the gguf package writes: Tests/Fixtures/gguf/make_control_vector.py.

import CheckpointIO
import Foundation
import TestSupport
import Testing

@Suite struct ControlVectorTests {
  private static let directions: [(layer: Int, values: [Float])] = [
    (1, [0.5, -1.25, 3, 1e-3, 7]), (3, [-0.0, 2.5, -8, 1e20, 0.1]),
  ]

  @Test func bytesOfTheGGUFPackage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/own.gguf"
    try ControlVectorFile.write(Self.directions, layers: 4, model: "llama", to: path)
    let expected = try FileReading.readFile(fixture("gguf/control_vector.gguf"))
    #expect(try FileReading.readFile(path) == expected)
  }

  /// llama.cpp has no direction for block 0, so nothing is written.
  @Test func layerZeroIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/own.gguf"
    let error = #expect(throws: CheckpointError.self) {
      try ControlVectorFile.write([(0, [1, 2])], layers: 4, model: "llama", to: path)
    }
    #expect(error.map { "\($0)" }?.contains("begins at layer 1") == true)
    #expect(FileReading.kind(of: path) == .absent)
  }
}
