// InputLimits, each at its last value that is taken and at the first that is refused in a sentence that says the limit.

import CheckpointIO
import Foundation
import FuzzTargets
import HookedModels
import ICLTasks
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite struct LimitTests {
  private let sandbox: Sandbox

  init() throws { sandbox = try Sandbox() }

  /// Expects a refusal that says the limit.
  private func expectRefusal(
    _ limit: Int, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try body() }
    #expect(
      error.map { "\($0)".contains("\(limit)") } == true,
      "\(error.map { "\($0)" } ?? "nothing was refused")", sourceLocation: sourceLocation)
  }

  private func json(_ text: String) throws { _ = try JSON(parsing: text.utf8, file: "f") }

  @Test func depthOfJSON() throws {
    defer { sandbox.remove() }
    let most = InputLimits.jsonDepth
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    try json(nested(most))
    expectRefusal(most) { try json(nested(most + 1)) }
    expectRefusal(most) { try json(String(repeating: "{\"a\":", count: 1 << 20)) }
  }

  @Test func sizesOfFiles() throws {
    defer { sandbox.remove() }
    // Sparse: no byte of them is read.
    func file(_ name: String, _ size: Int) throws -> String {
      let path = "\(sandbox.path)/\(name)"
      try Data().write(to: URL(fileURLWithPath: path))
      try #require(truncate(path, off_t(size)) == 0)
      return path
    }
    expectRefusal(InputLimits.jsonFile) {
      _ = try JSON(contentsOf: file("a.json", InputLimits.jsonFile + 1))
    }
    expectRefusal(InputLimits.textFile) {
      _ = try TaskFile(contentsOf: file("b.json", InputLimits.textFile + 1))
    }
    expectRefusal(InputLimits.textFile) {
      _ = try ClassificationDataset(contentsOf: file("c.csv", InputLimits.textFile + 1))
    }
    expectRefusal(InputLimits.yamlFile) {
      _ = try yamlTree(file("d.yaml", InputLimits.yamlFile + 1))
    }
    let comment = Data(repeating: UInt8(ascii: "#"), count: InputLimits.yamlFile)
    try comment.write(to: URL(fileURLWithPath: "\(sandbox.path)/e.yaml"))
    #expect(try yamlTree("\(sandbox.path)/e.yaml") == [:])
  }

  @Test func yaml() throws {
    defer { sandbox.remove() }
    func tree(_ text: String) throws -> JSON {
      let path = "\(sandbox.path)/x.yaml"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      return try yamlTree(path)
    }
    let deepest = InputLimits.yamlDepth
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try tree(nested(deepest - 1))
    expectRefusal(deepest) { _ = try tree(nested(deepest + 1)) }
    expectRefusal(deepest) { _ = try tree(String(repeating: "[", count: 500_000)) }
    expectRefusal(deepest) { _ = try tree(String(repeating: "- ", count: 500_000)) }
    expectRefusal(deepest) {
      _ = try tree((0..<1000).map { String(repeating: " ", count: $0) + "a:\n" }.joined())
    }
    // Many things beside each other are not deep.
    _ = try tree(String(repeating: "- {a: [1]}\n", count: 1000))

    // One list of ten thousand under eight names, and of what is left; the list and the whole are values too.
    let list = "a: &x [" + String(repeating: "1,", count: 10_000) + "]\n"
    func whole(_ more: Int) -> String {
      list + (0..<8).map { "b\($0): *x\n" }.joined() + "c: [" + String(repeating: "1,", count: more)
        + "]\n"
    }
    let rest = InputLimits.yamlValues - 9 * 10_001 - 2
    _ = try tree(whole(rest))
    expectRefusal(InputLimits.yamlValues) { _ = try tree(whole(rest + 1)) }
  }

  @Test func tensorsOfAFile() throws {
    defer { sandbox.remove() }
    func file(_ count: Int) throws -> SafetensorsFile {
      let tensors = (0..<count).map {
        "\"\($0)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
      }
      return try SafetensorsFile(path: safetensors("{" + tensors.joined(separator: ",") + "}"))
    }
    #expect(try file(InputLimits.tensors).names.count == InputLimits.tensors)
    expectRefusal(InputLimits.tensors) { _ = try file(InputLimits.tensors + 1) }
  }

  @Test func entriesOfAnArchive() throws {
    defer { sandbox.remove() }
    func archive(_ count: Int) throws -> NPZFile {
      let path = "\(sandbox.path)/x.npz"
      try NPZWriter.write(
        tensors: (0..<count).map { StoredTensor(name: "\($0)", shape: [0], floats: []) }, to: path)
      return try NPZFile(path: path)
    }
    #expect(try archive(InputLimits.tensors).names.count == InputLimits.tensors)
    expectRefusal(InputLimits.tensors) { _ = try archive(InputLimits.tensors + 1) }
  }

  @Test func headers() throws {
    defer { sandbox.remove() }
    let most = InputLimits.safetensorsHeader
    expectRefusal(most) {
      _ = try SafetensorsFile(path: safetensors("{}" + String(repeating: " ", count: most - 1)))
    }
    _ = try SafetensorsFile(path: safetensors("{}" + String(repeating: " ", count: most - 2)))

    func npy(_ length: Int) throws {
      let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }"
      let header = text + String(repeating: " ", count: length - text.utf8.count - 1) + "\n"
      var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [2, 0]
      bytes += withUnsafeBytes(of: UInt32(length).littleEndian) { Array($0) }
      let path = "\(sandbox.path)/x.npy"
      try Data(bytes + Array(header.utf8)).write(to: URL(fileURLWithPath: path))
      _ = try NPY.open(path)
    }
    try npy(InputLimits.npyHeader)
    expectRefusal(InputLimits.npyHeader) { try npy(InputLimits.npyHeader + 1) }
  }

  private func safetensors(_ header: String) throws -> String {
    let path = "\(sandbox.path)/x.safetensors"
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    bytes.append(contentsOf: header.utf8)
    try bytes.write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func vocabulary() throws {
    defer { sandbox.remove() }
    func tokenizer(_ id: Int) throws -> Tokenizer {
      let text = """
        {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
        "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"a": \(id)}, "unk_token": "a"}}
        """
      return try Tokenizer(tokenizerJSON: text.utf8, file: "tokenizer.json")
    }
    #expect(try tokenizer(InputLimits.vocabulary - 1).encode("a") == [InputLimits.vocabulary - 1])
    expectRefusal(InputLimits.vocabulary - 1) { _ = try tokenizer(InputLimits.vocabulary) }
  }

  @Test func models() throws {
    defer { sandbox.remove() }
    let original = try JSON(contentsOf: fixture("families/llama-gqa/config.json"))
    func architecture(_ changes: [String: Int]) throws -> Architecture {
      var object = try #require(original.objectValue)
      for (key, value) in changes { object[key] = .integer(value) }
      var reader = try ConfigReader(json: .object(object), file: "config.json")
      return try Architecture(reading: &reader)
    }
    for (key, most) in [
      ("num_hidden_layers", InputLimits.layers), ("hidden_size", InputLimits.width),
      ("intermediate_size", InputLimits.width), ("vocab_size", InputLimits.vocabulary),
    ] {
      _ = try architecture([key: most, "head_dim": 8])
      expectRefusal(most) { _ = try architecture([key: most + 1, "head_dim": 8]) }
    }
    // All heads together.
    let one = ["num_attention_heads": 1, "num_key_value_heads": 1]
    _ = try architecture(one.merging(["head_dim": InputLimits.width]) { $1 })
    expectRefusal(InputLimits.width) {
      _ = try architecture(one.merging(["head_dim": InputLimits.width + 2]) { $1 })
    }
    expectRefusal(InputLimits.parameters) {
      _ = try architecture([
        "hidden_size": InputLimits.width, "intermediate_size": InputLimits.width, "head_dim": 8,
      ])
    }
  }

  @Test func prompts() throws {
    defer { sandbox.remove() }
    let model = try ModelFolder(path: fixture("families/linear-decay")).model(
      as: Float.self, on: ComputeContext(threads: 1))
    try #require(model.architecture.maximumPositions == nil)
    try model.verify(lengths: [InputLimits.promptTokens])
    expectRefusal(InputLimits.promptTokens) {
      try model.verify(lengths: [InputLimits.promptTokens + 1])
    }
  }
}
