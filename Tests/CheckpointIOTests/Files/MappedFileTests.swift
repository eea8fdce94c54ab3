// Mapped files: their bytes, giving memory back, noticing a change.

import CKernels
import CheckpointIO
import Foundation
import Testing

@Suite struct MappedFileTests {
  @Test func hasTheBytesOfTheFile() throws {
    let folder = try TemporaryFolder()
    for size in [0, 1, 4096, 10_000] {
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let mapped = try MappedFile(try folder.write(bytes, to: "f\(size)"))
      #expect(mapped.count == size)
      #expect(mapped.withUnsafeBytes { Array($0) } == bytes)
      #expect(
        mapped.withUnsafeBytes(in: size / 2..<size) { Array($0) } == Array(bytes[(size / 2)...]))
      mapped.release(0..<size)
      mapped.release(size / 3..<size / 2)
      #expect(mapped.withUnsafeBytes { Array($0) } == bytes)
    }
  }

  @Test func saysWhatIsWrong() throws {
    let folder = try TemporaryFolder()
    #expect(try sentence { try MappedFile(folder.path + "/absent") } == "there is no such file")
    #expect(try sentence { try MappedFile(folder.path) } == "this is a folder, expected a file")
    #expect(
      try sentence { try MappedFile("/dev/null") }
        == "this is no regular file and cannot be mapped into memory")
  }

  @Test func noticesChanges() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3, 4], to: "f")
    let mapped = try MappedFile(path)
    try mapped.verifyUnchanged()
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: 2)
    #expect(
      try sentence { try mapped.verifyUnchanged() }
        == "the file had 4 bytes when it was opened and has 2 now")
    try handle.truncate(atOffset: 4)
    try handle.close()
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path)
    #expect(
      try sentence { try mapped.verifyUnchanged() } == "the file was written to since it was opened"
    )
  }

  @Test func replacingByRenameLeavesReadersAlone() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3, 4], to: "f")
    let mapped = try MappedFile(path)
    try AtomicFile.write([9], to: path)
    #expect(
      try sentence { try mapped.verifyUnchanged() }
        == "the file was removed or replaced since it was opened")
    #expect(mapped.withUnsafeBytes { Array($0) } == [1, 2, 3, 4])
    #expect(try FileReading.readFile(path) == [9])
  }

  /// A file that is cut short under the mapping: a sentence and a status, where the process would have been killed.
  @Test func lostPagesEndInASentence() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](repeating: 1, count: 100_000), to: "f")
    let ended = await #expect(
      processExitsWith: .exitCode(65), observing: [\.standardErrorContent]
    ) { [path = path as String] in
      ck_watch_mappings(65)
      let mapped = try MappedFile(path)
      _ = try MappedFile("/proc/self/exe")
      guard truncate(path, 5000) == 0 else { exit(1) }
      // The page that the end lies in is still there.
      guard mapped.withUnsafeBytes({ $0[4999] + $0[5001] }) == 1 else { exit(2) }
      exit(mapped.withUnsafeBytes { $0[50_000] } == 1 ? 3 : 4)
    }
    let talk = String(decoding: try #require(ended?.standardErrorContent), as: UTF8.self)
    #expect(talk.hasPrefix("thetascope: \(path): the file became shorter while it was in use"))
    #expect(talk.filter(\.isNewline).count == 1)
    // Of no file: killed, as ever.
    await #expect(processExitsWith: .signal(SIGBUS)) {
      ck_watch_mappings(65)
      raise(SIGBUS)
      // A signal that was sent is not an access that happens again.
      raise(SIGBUS)
      exit(0)
    }
  }

  #if os(Linux)
    @Test func releaseGivesMemoryBack() throws {
      let folder = try TemporaryFolder()
      let size = 8 << 20
      let path = try folder.write([UInt8](repeating: 1, count: size), to: "large")
      let mapped = try MappedFile(path)
      #expect(mapped.withUnsafeBytes { $0.reduce(0) { $0 + Int($1) } } == size)
      #expect(try residentKilobytes(path) == size / 1024)
      mapped.release(size / 2..<size)
      #expect(try residentKilobytes(path) == size / 2048)
      #expect(mapped.withUnsafeBytes(in: size - 1..<size) { $0[0] } == 1)
    }

    /// How much of the file mapped from `path` lies in this process's memory.
    func residentKilobytes(_ path: String) throws -> Int? {
      let lines = try FileReading.readText("/proc/self/smaps").split(separator: "\n")
      guard let start = lines.firstIndex(where: { $0.hasSuffix(path) }) else { return nil }
      let line = lines[start...].first { $0.hasPrefix("Rss:") }
      return line.flatMap { Int($0.filter(\.isNumber)) }
    }
  #endif
}
