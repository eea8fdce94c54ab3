// Writing: the whole file or none, nothing left behind.

import CheckpointIO
import Foundation
import Testing

@Suite struct AtomicFileTests {
  func contents(_ folder: TemporaryFolder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func writesAndReplaces() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f.csv"
    try AtomicFile.write("first\n", to: path)
    #expect(try FileReading.readText(path) == "first\n")
    try AtomicFile.write(to: path) { output in
      try output.append([0x61])
      try output.append([])
      try output.append(Array("bc".utf8))
      #expect(output.count == 3)
    }
    #expect(try FileReading.readText(path) == "abc")
    #expect(try contents(folder) == ["f.csv"])
  }

  @Test func aFailureLeavesWhatWasThere() throws {
    struct Stop: Error {}
    let folder = try TemporaryFolder()
    let path = folder.path + "/f"
    #expect(throws: Stop.self) {
      try AtomicFile.write(to: path) { output in
        try output.append([1])
        throw Stop()
      }
    }
    #expect(try contents(folder) == [])
    try AtomicFile.write([7], to: path)
    #expect(throws: Stop.self) { try AtomicFile.write(to: path) { _ in throw Stop() } }
    #expect(try FileReading.readFile(path) == [7])
    #expect(try contents(folder) == ["f"])
  }

  @Test func saysWhatIsWrong() throws {
    let folder = try TemporaryFolder()
    #expect(
      try sentence { try AtomicFile.write([1], to: folder.path + "/absent/f") }
        == "no file can be made in the folder '\(folder.path)/absent': No such file or directory")
    #expect(
      try sentence { try AtomicFile.write([1], to: folder.path) }
        == "the finished file cannot be given its name: Is a directory")
    #expect(try sentence { try AtomicFile.write([1], to: "") } != nil)
    #expect(try sentence { try AtomicFile.write([1], to: folder.path + "/") } != nil)
    #expect(try contents(folder) == [])
  }

  @Test func longNamesFit() throws {
    let folder = try TemporaryFolder()
    let name = String(repeating: "é", count: 127)
    try AtomicFile.write([1], to: folder.path + "/" + name)
    #expect(try contents(folder).count == 1)
  }
}
