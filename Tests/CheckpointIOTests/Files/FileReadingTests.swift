// Reading whole files, and the sentences for what cannot be read.

import CheckpointIO
import Foundation
import Testing

@Suite struct FileReadingTests {
  @Test func readsEveryByte() throws {
    let folder = try TemporaryFolder()
    for size in [0, 1, 4095, 4096, 4097, 100_000] {
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let path = try folder.write(bytes, to: "f")
      #expect(try FileReading.readFile(path) == bytes)
    }
  }

  @Test func limitHoldsToTheByte() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], to: "f")
    #expect(try FileReading.readFile(path, limit: 3) == [1, 2, 3])
    #expect(
      try sentence { try FileReading.readFile(path, limit: 2) }
        == "the file has 3 bytes, the limit is 2")
  }

  @Test func saysWhatIsWrong() throws {
    let folder = try TemporaryFolder()
    #expect(
      try sentence { try FileReading.readFile(folder.path + "/absent") } == "there is no such file")
    let file = try folder.write([1], to: "f")
    #expect(try sentence { try FileReading.readFile(file + "/below") } == "there is no such file")
    #expect(
      try sentence { try FileReading.readFile(folder.path) } == "this is a folder, expected a file")
    #expect(
      try sentence { try FileReading.readFile(file + "\0.json") }
        == "a file's name cannot contain a zero byte")
    #expect(throws: CheckpointError.self) { try FileReading.readFile("") }
    try folder.write([0x61, 0xFF], to: "latin")
    #expect(
      try sentence { try FileReading.readText(folder.path + "/latin") }
        == "the file is not UTF-8 text")
  }

  @Test func errorsHaveKinds() throws {
    #expect(CheckpointError.missing(file: "f", fact: "x").kind == .missingFile)
    #expect(CheckpointError.cannotWrite(file: "f", fact: "x").kind == .writeFailed)
    #expect(CheckpointError.invalidSafetensors(file: "f", fact: "x").kind == .badData)
    #expect(
      CheckpointError.wrongTensor(
        file: "model.safetensors", tensor: "h.0.w", found: "shape [768, 2304]",
        expected: "[512, 1536]"
      ).description
        == "model.safetensors: tensor 'h.0.w' has shape [768, 2304], expected [512, 1536]")
  }

  @Test func messagesCannotGarbleATerminal() {
    #expect(Excerpt.quoted("a\u{1B}[31m\n") == "'a\\u{1b}[31m\\u{a}'")
    #expect(Excerpt.quoted("\u{202E}abc") == "'\\u{202e}abc'")
    #expect(Excerpt.quoted("é漢😀") == "'é漢😀'")
    #expect(Excerpt.quoted(String(repeating: "x", count: 81)).count == 83)
  }
}
