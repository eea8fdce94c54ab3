// .npz: NumPy's archives read, ours equal to NumPy's, archives that lie refused.

import CheckpointIO
import TensorCore
import Testing

@Suite struct NPZTests {
  static let three = [
    StoredTensor(
      name: "blocks.0.hook_resid_post/seq3", shape: [2, 3],
      floats: [-1, -0.25, 0.5, 1.25, 2, 2.75]),
    StoredTensor(name: "b", shape: [2, 3], doubles: [-1, -0.25, 0.5, 1.25, 2, 2.75]),
    StoredTensor(name: "é", shape: [3], integers: [0, 1, 2], as: .int32),
  ]

  @Test func readsNumPysArchive() throws {
    let file = try NPZFile(path: Fixture.path("three.npz"))
    #expect(file.names == ["blocks.0.hook_resid_post/seq3", "b", "é"])
    #expect(
      try file.floats(named: "blocks.0.hook_resid_post/seq3") == [-1, -0.25, 0.5, 1.25, 2, 2.75])
    #expect(try file.tensor(named: "b").dtype == .float64)
    #expect(try file.tensor(named: "b").shape == [2, 3])
    #expect(try file.integers(named: "é") == [0, 1, 2])
    #expect(file.contains("b") && !file.contains("b.npy"))
    #expect(try sentence { try file.tensor(named: "c") } == "there is no tensor 'c'")
  }

  @Test func bytesAreThoseOfNumPy() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f.npz"
    try NPZWriter.write(tensors: Self.three, to: path)
    #expect(try FileReading.readFile(path) == Fixture.bytes("three.npz"))
  }

  @Test func manyEntriesTakeThe64BitEnd() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f.npz"
    for count in [0, 65_535, 65_536] {
      let tensors = (0..<count).map { StoredTensor(name: "t\($0)", shape: [], floats: [Float($0)]) }
      try NPZWriter.write(tensors: tensors, to: path)
      let file = try NPZFile(path: path)
      #expect(file.names.count == count)
      if count > 0 { #expect(try file.floats(named: "t\(count - 1)") == [Float(count - 1)]) }
    }
  }

  @Test func compressedEntriesAreRefused() throws {
    #expect(
      try sentence { try NPZFile(path: Fixture.path("compressed.npz")) }
        == "entry 'a.npy' is compressed, and only stored entries are read here; save the arrays with"
        + " numpy.savez, not numpy.savez_compressed")
  }

  @Test func refusesToWriteBadNames() throws {
    let folder = try TemporaryFolder()
    for name in ["", "/a", "a/", "a//b", "../a", "a/../b", "a\\b", "a\nb", "."] {
      let tensor = StoredTensor(name: name, shape: [], floats: [1])
      #expect(
        try sentence { try NPZWriter.write(tensors: [tensor], to: folder.path + "/f") }
          == "\(Excerpt.quoted(name)) cannot be the name of an entry")
    }
    #expect(
      try sentence {
        try NPZWriter.write(tensors: [Self.three[1], Self.three[1]], to: folder.path + "/f")
      } == "a second tensor has the name 'b'")
  }

  // MARK: Archives that lie

  /// An archive of one entry called `name` with `data` in it, then changed by `edit`.
  func archive(
    _ name: String = "a.npy",
    _ edit: (inout [UInt8], _ directory: Int, _ end: Int) -> Void = { _, _, _ in }
  ) throws -> String? {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f.npz"
    // Made with a name of the same length, then renamed in both places.
    let plain = String(repeating: "x", count: max(1, name.utf8.count - 4))
    try NPZWriter.write(tensors: [StoredTensor(name: plain, shape: [1], floats: [1])], to: path)
    var bytes = try FileReading.readFile(path)
    let length = name.utf8.count
    let end = bytes.count - 22
    let directory = end - 46 - length
    bytes.replaceSubrange(30..<30 + length, with: name.utf8)
    bytes.replaceSubrange(directory + 46..<directory + 46 + length, with: name.utf8)
    edit(&bytes, directory, end)
    try folder.write(bytes, to: "f.npz")
    return try sentence {
      let file = try NPZFile(path: path)
      for name in file.names { _ = try file.floats(named: name) }
    }
  }

  @Test(arguments: [
    "../a.npy", "/aa.npy", "a/../b.npy", "a//b.npy", "./a.npy", "a\\b.npy", "a\u{0}b.npy",
    "a\u{1B}.npy",
  ])
  func namesThatLeadElsewhere(_ name: String) throws {
    #expect(
      try archive(name)
        == "the archive has an entry called \(Excerpt.quoted(name)), a name that is empty, absolute,"
        + " leads upwards or holds control characters")
  }

  @Test func numbersThatLie() throws {
    #expect(try archive() == nil)
    #expect(try archive("a.txt") == "entry 'a.txt' is no .npy array")
    let outside = "entry 'a.npy' has a header of its own that differs from the directory's"
    // The element itself.
    #expect(
      try archive { bytes, directory, _ in bytes[directory - 1] ^= 1 }
        == "entry 'a.npy' is damaged: its bytes do not have the checksum written beside them")
    // The directory's method, flags, checksum, sizes, offset.
    #expect(try archive { bytes, at, _ in bytes[at + 10] = 8 }?.contains("is compressed") == true)
    #expect(try archive { bytes, at, _ in bytes[at + 8] = 1 } == "entry 'a.npy' is encrypted")
    #expect(try archive { bytes, at, _ in bytes[at + 16] ^= 1 } == outside)
    #expect(
      try archive { bytes, at, _ in bytes[at + 20] ^= 1 }
        == "entry 'a.npy' is stored in 133 bytes, but is said to have 132")
    #expect(
      try archive { bytes, at, _ in
        bytes[at + 20] ^= 1
        bytes[at + 24] ^= 1
      } == outside)
    #expect(
      try archive { bytes, at, _ in
        // Beyond the entries, in the directory and in the entry's own 64 bits.
        for place in [at + 21, at + 25, 30 + 5 + 4 + 1, 30 + 5 + 12 + 1] { bytes[place] = 1 }
      } == "entry 'a.npy' has 388 bytes from byte 55, beyond the entries of the archive")
    #expect(
      try archive { bytes, at, _ in bytes[at + 42] = 1 }
        == "entry 'a.npy' has no header of its own where the directory says")
    #expect(
      try archive { bytes, at, _ in bytes[at + 45] = 0x7F }
        == "entry 'a.npy' begins at byte 2130706432, beyond the entries of the archive")
    #expect(
      try archive { bytes, at, _ in
        for place in at + 42..<at + 46 { bytes[place] = 0xFF }
      } == "entry 'a.npy' has sizes that are not complete")
    #expect(
      try archive { bytes, at, _ in bytes[at + 28] = 200 }
        == "the directory of the archive is cut short")
    #expect(
      try archive { bytes, at, _ in bytes[at] = 0 }
        == "the directory of the archive is damaged, or cut short")
    // The entry's own header.
    #expect(try archive { bytes, _, _ in bytes[30] = 0x62 } == outside)
    #expect(try archive { bytes, _, _ in bytes[8] = 8 } == outside)
    // Its array.
    #expect(
      try archive { bytes, at, _ in
        bytes[55] = 0
        let checksum = Self.crc32(bytes[55..<at])
        for shift in 0..<4 {
          bytes[at + 16 + shift] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(shift)))
          bytes[14 + shift] = bytes[at + 16 + shift]
        }
      } == "entry 'a.npy': these 132 bytes do not begin as a .npy array does")
  }

  @Test func endsThatLie() throws {
    #expect(
      try archive { bytes, _, end in bytes[end + 10] = 2 }
        == "the archive is one of several parts")
    #expect(
      try archive { bytes, _, end in
        bytes[end + 8] = 2
        bytes[end + 10] = 2
      } == "the archive is said to have 2 entries, for which its directory is too small")
    #expect(
      try archive { bytes, _, end in
        bytes[end + 8] = 0
        bytes[end + 10] = 0
      } == "the directory of the archive holds more than its 0 entries")
    #expect(
      try archive { bytes, _, end in bytes[end + 16] ^= 1 }?.hasPrefix(
        "the directory of the archive is said to have 51 bytes from byte ") == true)
    #expect(
      try archive { bytes, _, end in
        for place in end + 12..<end + 20 { bytes[place] = 0xFF }
      }?.contains("4294967295 bytes from byte 4294967295") == true)
    #expect(
      try archive { bytes, _, end in bytes[end + 20] = 1 }
        == "the file is no .npz archive, or its end is cut off")
    #expect(
      try archive { bytes, _, end in
        // A comment of three bytes is allowed.
        bytes[end + 20] = 3
        bytes += [1, 2, 3]
      } == nil)
    #expect(
      try archive { bytes, _, _ in bytes.insert(0, at: 0) }?.contains("but it ends at byte") == true
    )
  }

  /// Two entries over the same bytes would let a small file hold much.
  @Test func entriesThatOverlap() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/f.npz"
    try NPZWriter.write(
      tensors: ["x", "y"].map { StoredTensor(name: $0, shape: [1], floats: [1]) }, to: path)
    var bytes = try FileReading.readFile(path)
    let second = bytes.count - 22 - 51
    // The second entry of the directory becomes a copy of the first; so does its name.
    let first = Array(bytes[second - 51..<second])
    bytes.replaceSubrange(second..<second + 51, with: first)
    try folder.write(bytes, to: "f.npz")
    #expect(
      try sentence { try NPZFile(path: path) } == "two entries of the archive overlap at byte 55")
  }

  @Test func truncatedAnywhere() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixture.bytes("three.npz")
    for length in 0..<whole.count {
      let path = try folder.write(whole[..<length], to: "f")
      #expect(try sentence { try NPZFile(path: path) } != nil, "\(length) bytes")
    }
  }

  @Test func randomDamage() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixture.bytes("three.npz")
    var generator = SeededGenerator(seed: 13)
    var opened = 0
    for _ in 0..<10_000 {
      let path = try folder.write(damaged(whole, &generator), to: "f")
      let fault = try sentence {
        let file = try NPZFile(path: path)
        for name in file.names { _ = try file.doubles(named: name) }
      }
      if fault == nil { opened += 1 }
    }
    #expect(opened > 10 && opened < 9_000)
  }

  /// The checksum by its definition, bit by bit.
  static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
  }
}
