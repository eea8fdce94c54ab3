// What words without quotes mean in probe files: YAML 1.2's core schema with decimal numbers alone, because task names,
// templates and ids may look like what YAML 1.1 takes for something else.

import CheckpointIO
import Foundation
import FuzzTargets
import Testing

@Suite struct YAMLTests {
  private func tree(_ text: String) throws -> JSON {
    let sandbox = try Sandbox()
    defer { sandbox.remove() }
    let path = "\(sandbox.path)/x.yaml"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try yamlTree(path)
  }

  @Test(
    arguments: [
      "no", "on", "off", "yes", "y", "N", "012", "-012", "00", "1_000", "12:30", "12:30:45.5",
      "0x1F",
      "0o17", "0b1", "1e", "e1", "+", ".", "--1", "1-2", "2026-07-01", ".inf", "-.inf", ".nan",
      "nan", "inf", "infinity", "=", "<<", "nil", "1.2.3",
    ]) func texts(_ word: String) throws
  {
    #expect(try tree("a: \(word)\n") == ["a": .string(word)])
    #expect(try tree("[\(word)]\n") == [.string(word)])
  }

  @Test func values() throws {
    #expect(
      try tree("[0, -0, 12, -12, +12, 9223372036854775807]\n")
        == [0, 0, 12, -12, 12, .integer(.max)])
    #expect(
      try tree("[0.5, .5, 5., 1e-3, -1E+3, 9223372036854775808]\n")
        == [.number(0.5), .number(0.5), .number(5), .number(1e-3), .number(-1e3), .number(0x1p63)])
    #expect(
      try tree("[true, True, TRUE, false, False, FALSE]\n") == [
        true, true, true, false, false, false,
      ])
    #expect(try tree("[null, Null, NULL, ~]\n") == [.null, .null, .null, .null])
    #expect(try tree("a:\nb: 'no'\n") == ["a": .null, "b": "no"])
    // In quotes, and in blocks, everything is a text.
    #expect(
      try tree("- '1'\n- \"true\"\n- |-\n  12\n- >-\n  null\n") == ["1", "true", "12", "null"])
  }

  @Test(arguments: [
    ("a: !!str 12\n", "tag"), ("a: !!float 1\n", "tag"), ("a: ! 12\n", "tag"),
    ("a: 1e999\n", "finite"), ("a: -1e999\n", "finite"),
  ]) func refused(_ text: String, _ word: String) throws {
    let error = #expect(throws: (any Error).self) { try tree(text) }
    #expect(error.map { "\($0)".contains(word) } == true, "\(error.map { "\($0)" } ?? "nothing")")
  }
}
