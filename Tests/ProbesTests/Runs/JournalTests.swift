// The journal: what a machine that stops leaves is cut off, and what no stopping machine leaves is refused.

import Foundation
import Probes
import TensorCore
import Testing

@Suite struct JournalTests {
  private let folder: TemporaryFolder
  private let path: String
  private let contents: [[UInt8]]
  /// Where each record ends, and before them the title.
  private var ends: [Int] = [21]

  init() throws {
    folder = try TemporaryFolder()
    path = "\(folder.path)/journal"
    var generator = SeededGenerator(seed: 6)
    contents = [0, 1, 30, 7].map { count in
      (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }
    let journal = try Journal(path)
    for record in contents {
      try journal.append(record)
      ends.append(try Disk.bytes(path).count)
    }
  }

  private func read() throws -> [[UInt8]] {
    let journal = try Journal(path)
    return try journal.records.indices.map { try journal.contents(of: $0) }
  }

  @Test func recordsReadBack() throws {
    #expect(try read() == contents)
    let journal = try Journal(path)
    #expect(try journal.contents(of: 2, 3..<9) == Array(contents[2][3..<9]))
    try journal.append([9, 9])
    #expect(try read() == contents + [[9, 9]])
  }

  @Test func everyCutKeepsTheWholeRecords() throws {
    let bytes = try Disk.bytes(path)
    for cut in 0...bytes.count {
      try Disk.write(bytes[..<cut], to: path)
      let whole = ends.dropFirst().count { $0 <= cut }
      let journal = try Journal(path)
      #expect(journal.records.count == whole, "cut at \(cut)")
      // What comes next stands where the torn record stood.
      try journal.append([1, 2, 3])
      #expect(try read() == contents.prefix(whole) + [[1, 2, 3]], "cut at \(cut)")
    }
  }

  /// A file system may have noted the length of a file whose last blocks never came.
  @Test func zerosAtTheEndAreATornRecord() throws {
    let bytes = try Disk.bytes(path)
    for cut in 0...bytes.count {
      try Disk.write(bytes[..<cut] + Array(repeating: 0, count: bytes.count - cut + 5), to: path)
      let whole = ends.dropFirst().count { $0 <= cut }
      // A cut record may happen to end in zeros; then it is whole.
      let found = try read()
      #expect(found == Array(contents.prefix(found.count)) && found.count >= whole, "cut at \(cut)")
      #expect(found.count <= whole + 1)
    }
  }

  @Test func damageIsNeverTakenForContents() throws {
    let bytes = try Disk.bytes(path)
    for place in bytes.indices {
      for bit in [0, 3, 7] {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(bit)
        try Disk.write(damaged, to: path)
        if place >= ends[ends.count - 2] {
          // The last record cannot be told from a torn one.
          #expect(try read() == contents.dropLast(), "byte \(place)")
        } else {
          let error = #expect(throws: RunError.self, "byte \(place)") { _ = try read() }
          #expect(error?.exitStatus == 65)
        }
      }
    }
  }

  @Test func otherFilesAreRefused() throws {
    for text in ["thetascope journal 2\nrec\n", "something else", "x"] {
      try Disk.write(Array(text.utf8), to: path)
      #expect(throws: RunError.self) { _ = try Journal(path) }
      #expect(try Disk.text(path) == text, "untouched")
    }
  }
}
