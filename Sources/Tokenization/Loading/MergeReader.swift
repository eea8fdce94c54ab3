// Reads the merges of a byte-pair encoding in their three spellings: lines of merges.txt, strings
// "a b" and arrays ["a", "b"]. Both parts and what they make must be in the vocabulary.

import CheckpointIO

struct MergeReader {
  private let vocabulary: Vocabulary
  /// How many bytes of the right part are left out of what is made.
  private let prefixLength: Int
  private let file: String
  private var rank: UInt32 = 0
  private var joined: [UInt8] = []
  private(set) var table = MergeTable(expected: 0)
  /// Whether no merge makes a piece with a U+2581 behind anything but another.
  private(set) var metaspaceBeginsWords = true

  init(vocabulary: Vocabulary, prefixLength: Int, file: String) {
    self.vocabulary = vocabulary
    self.prefixLength = prefixLength
    self.file = file
  }

  /// Reads the `merges` array of a model.
  mutating func read(_ merges: [JSON], _ name: String) throws {
    table = MergeTable(expected: merges.count)
    for (index, merge) in merges.enumerated() {
      switch merge {
      case .string(var line):
        let isHeader = line.utf8.starts(with: "#version".utf8)
        if !isHeader {
          try line.withUTF8 { try read(line: $0, "\(name)[\(index)]") }
        }
      case .array(let parts):
        guard parts.count == 2, var left = parts[0].stringValue, var right = parts[1].stringValue
        else { throw malformed("\(name)[\(index)]", merge.summary) }
        try left.withUTF8 { left in try right.withUTF8 { try add(left, $0) } }
      default:
        throw malformed("\(name)[\(index)]", merge.summary)
      }
    }
  }

  /// Reads merges.txt.
  mutating func read(lines text: [UInt8]) throws {
    let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
    table = MergeTable(expected: lines.count)
    for (index, line) in lines.enumerated() {
      let line = line.last == 0x0D ? line.dropLast() : line
      if line.isEmpty && index + 1 == lines.count { break }
      if line.starts(with: "#version".utf8) { continue }
      try line.withUnsafeBufferPointer { try read(line: $0, "line \(index + 1)") }
    }
  }

  private mutating func read(line: UnsafeBufferPointer<UInt8>, _ name: @autoclosure () -> String)
    throws
  {
    guard let space = line.firstIndex(of: 0x20), !line[(space + 1)...].contains(0x20) else {
      throw malformed(name(), Excerpt.quoted(String(decoding: line, as: UTF8.self)))
    }
    try add(
      UnsafeBufferPointer(rebasing: line[..<space]),
      UnsafeBufferPointer(rebasing: line[(space + 1)...]))
  }

  private mutating func add(
    _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) throws {
    joined.removeAll(keepingCapacity: true)
    joined.append(contentsOf: left)
    joined.append(contentsOf: right.dropFirst(prefixLength))
    let leftID = try id(of: left)
    let rightID = try id(of: right)
    let newID = try joined.withUnsafeBufferPointer { try id(of: $0) }
    table.insert(leftID, rightID, rank: rank, newID: newID)
    rank += 1
    if metaspaceBeginsWords, Self.hasInnerMetaspace(joined) { metaspaceBeginsWords = false }
  }

  private func id(of piece: UnsafeBufferPointer<UInt8>) throws -> UInt32 {
    guard let id = vocabulary.id(of: piece) else {
      throw TokenizationError.inconsistent(
        file: file,
        fact:
          "merge \(rank) needs the piece "
          + "\(Excerpt.quoted(String(decoding: piece, as: UTF8.self))), "
          + "which is not in the vocabulary")
    }
    return UInt32(id)
  }

  private func malformed(_ name: String, _ found: String) -> TokenizationError {
    .malformed(
      file: file, field: name, found: found, expected: "two pieces, \"a b\" or [\"a\", \"b\"]")
  }

  private static func hasInnerMetaspace(_ piece: [UInt8]) -> Bool {
    var isAfterMetaspace = true
    var index = 0
    while index < piece.count {
      let isMetaspace = piece[index...].starts(with: Metaspace.utf8)
      if isMetaspace, !isAfterMetaspace { return true }
      isAfterMetaspace = isMetaspace
      index += isMetaspace ? 3 : 1
    }
    return false
  }
}
