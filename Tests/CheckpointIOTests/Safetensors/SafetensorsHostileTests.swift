// Headers that lie: each in one sentence, none with a crash.

import CheckpointIO
import TensorCore
import Testing

@Suite struct SafetensorsHostileTests {
  /// A file with this header and `data` zero bytes behind it.
  func open(_ header: String, data: Int = 0, length: UInt64? = nil) throws -> SafetensorsFile {
    let folder = try TemporaryFolder()
    let text = Array(header.utf8)
    let prefix = withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian) { Array($0) }
    let path = try folder.write(
      prefix + text + [UInt8](repeating: 0, count: data), to: "m.safetensors")
    return try SafetensorsFile(path: path)
  }

  static func tensor(_ name: String, _ shape: String, _ offsets: String, _ dtype: String = "F32")
    -> String
  {
    #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  @Test func theSmallestFiles() throws {
    #expect(try open("{}").names == [])
    #expect(try open("{}      ").names == [])
    #expect(try open("{" + Self.tensor("a", "[0]", "[0,0]") + "}").names == ["a"])
    let two = Self.tensor("b", "[1]", "[4,8]") + "," + Self.tensor("a", "[]", "[0,4]")
    #expect(try open("{\(two)}", data: 8).names == ["a", "b"])
  }

  @Test func lengthsThatLie() throws {
    for length: UInt64 in [1 << 63, .max, 1 << 62, 100_000_001] {
      #expect(
        try sentence { try open("{}", length: length) }
          == "the header is said to have \(length) bytes, the limit is 100000000")
    }
    #expect(
      try sentence { try open("{}", length: 100_000_000) }
        == "the header is said to have 100000000 bytes, but only 2 follow its length")
    #expect(
      try sentence { try open("{}", length: 3) }
        == "the header is said to have 3 bytes, but only 2 follow its length")
    #expect(
      try sentence { try open("{}", length: 0) }
        == "the header is not one JSON object, padded with spaces alone")
  }

  @Test func theLimitItselfIsAllowed() throws {
    let folder = try TemporaryFolder()
    let length = 100_000_000
    var bytes = withUnsafeBytes(of: UInt64(length)) { Array($0) } + Array("{}".utf8)
    bytes += [UInt8](repeating: 0x20, count: length - 2)
    #expect(try SafetensorsFile(path: folder.write(bytes, to: "f")).names == [])
  }

  @Test(arguments: [
    (" {}", 0, "the header is not one JSON object, padded with spaces alone"),
    ("{}\n", 0, "the header is not one JSON object, padded with spaces alone"),
    ("[]", 0, "the header is not one JSON object, padded with spaces alone"),
    ("{} {}", 0, "the header is not JSON: '{' after the end of the document (byte 11)"),
    (
      "{" + tensor("a", "[]", "[0,4]") + "," + tensor("a", "[]", "[4,8]") + "}", 8,
      "the header is not JSON: the key 'a' comes twice in one object (byte 61)"
    ),
    (
      "{" + tensor("\u{E9}", "[]", "[0,4]") + "," + tensor("e\u{301}", "[]", "[4,8]") + "}", 8,
      "two tensors have names that are the same text, 'e\u{301}'"
    ),
    (#"{"a":1}"#, 0, "tensor 'a' is the integer 1, expected an object"),
    (#"{"a":{}}"#, 0, "tensor 'a' has no 'dtype' that is a string"),
    (
      #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}"#, 4,
      "tensor 'a' has the unknown key 'x'"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"shape":[]}}"#, 4,
      "the header is not JSON: the key 'shape' comes twice in one object (byte 60)"
    ),
    (
      "{" + tensor("a", "[]", "[0,4]", "F8_E4M3") + "}", 4,
      "tensor 'a' has dtype 'F8_E4M3', which is not read here (BOOL, U8, I8, I16, U16, F16, BF16, I32,"
        + " U32, F32, F64, I64, U64)"
    ),
    (
      "{" + tensor("a", "[]", "[0,4]", "f32") + "}", 4,
      "tensor 'a' has dtype 'f32', which is not read here (BOOL, U8, I8, I16, U16, F16, BF16, I32,"
        + " U32, F32, F64, I64, U64)"
    ),
    (
      "{" + tensor("a", "[-1]", "[0,4]") + "}", 4,
      "tensor 'a' has no 'shape' that is an array of integers, none negative"
    ),
    (
      "{" + tensor("a", "[1.0]", "[0,4]") + "}", 4,
      "tensor 'a' has no 'shape' that is an array of integers, none negative"
    ),
    (
      "{" + tensor("a", "[18446744073709551616]", "[0,4]") + "}", 4,
      "tensor 'a' has no 'shape' that is an array of integers, none negative"
    ),
    (
      "{" + tensor("a", "4", "[0,4]") + "}", 4,
      "tensor 'a' has no 'shape' that is an array of integers, none negative"
    ),
    (
      "{" + tensor("a", "[4611686018427387904,4]", "[0,4]") + "}", 4,
      "tensor 'a' has a shape whose size in bytes is beyond 64 bits"
    ),
    (
      "{" + tensor("a", "[9223372036854775807]", "[0,4]") + "}", 4,
      "tensor 'a' has a shape whose size in bytes is beyond 64 bits"
    ),
    (
      "{" + tensor("a", "[1]", "[0,4,8]") + "}", 4,
      "tensor 'a' has no 'data_offsets' that are two integers, none negative"
    ),
    (
      "{" + tensor("a", "[1]", "[-4,0]") + "}", 4,
      "tensor 'a' has no 'data_offsets' that are two integers, none negative"
    ),
    (
      "{" + tensor("a", "[1]", "[0,18446744073709551615]") + "}", 4,
      "tensor 'a' has no 'data_offsets' that are two integers, none negative"
    ),
    (
      "{" + tensor("a", "[1]", "[4,0]") + "}", 4,
      "tensor 'a' ends at byte 0 of the data, before its begin 4"
    ),
    (
      "{" + tensor("a", "[2]", "[0,4]") + "}", 4,
      "tensor 'a' has 4 bytes of data, but F32 of its shape needs 8"
    ),
    (
      "{" + tensor("a", "[1]", "[0,4]", "BF16") + "}", 4,
      "tensor 'a' has 4 bytes of data, but BF16 of its shape needs 2"
    ),
    (
      "{" + tensor("a", "[2]", "[0,8]") + "," + tensor("b", "[2]", "[4,12]") + "}", 12,
      "tensor 'b' begins at byte 4 of the data, inside the tensor before it, which ends at 8"
    ),
    (
      "{" + tensor("a", "[2]", "[0,8]") + "," + tensor("b", "[2]", "[0,8]") + "}", 8,
      "tensor 'b' begins at byte 0 of the data, inside the tensor before it, which ends at 8"
    ),
    (
      "{" + tensor("a", "[1]", "[0,4]") + "," + tensor("b", "[1]", "[8,12]") + "}", 12,
      "bytes 4 to 8 of the data, before tensor 'b', belong to no tensor"
    ),
    (
      "{" + tensor("a", "[1]", "[4,8]") + "}", 8,
      "bytes 0 to 4 of the data, before tensor 'a', belong to no tensor"
    ),
    (
      "{" + tensor("a", "[2]", "[0,8]") + "}", 4,
      "tensor 'a' ends at byte 8 of the data, but the file holds 4; it was cut off, download it again"
    ),
    (
      "{" + tensor("a", "[2]", "[9223372036854775799,9223372036854775807]") + "}", 8,
      "bytes 0 to 9223372036854775799 of the data, before tensor 'a', belong to no tensor"
    ),
    (
      "{" + tensor("a", "[2305843009213693951]", "[0,9223372036854775804]") + "}", 8,
      "tensor 'a' ends at byte 9223372036854775804 of the data, but the file holds 8; it was cut off, "
        + "download it again"
    ),
    (
      "{" + tensor("a", "[1]", "[0,4]") + "}", 5,
      "the tensors end at byte 4 of the data, but the file holds 5"
    ),
    ("{}", 1, "the tensors end at byte 0 of the data, but the file holds 1"),
    (#"{"__metadata__":[]}"#, 0, "'__metadata__' is an array of 0, expected an object of strings"),
    (
      #"{"__metadata__":{"a":1}}"#, 0,
      "'__metadata__' has the integer 1 under 'a', expected a string"
    ),
    (
      #"{"a\u001b[2J\n":1}"#, 0, "tensor 'a\\u{1b}[2J\\u{a}' is the integer 1, expected an object"
    ),
  ])
  func headersThatLie(_ header: String, _ data: Int, _ fact: String) throws {
    #expect(try sentence { try open(header, data: data) } == fact)
  }

  @Test func nestingBombs() throws {
    for opening in ["{\"a\":", "[", "{\"a\":["] {
      let bomb = "{\"t\":" + String(repeating: opening, count: 1_000_000) + "}"
      #expect(try sentence { try open(bomb) }?.contains("deeper in one another") == true)
    }
  }

  @Test func notSafetensorsAtAll() throws {
    let folder = try TemporaryFolder()
    #expect(
      try sentence { try SafetensorsFile(path: folder.write([], to: "f")) }
        == "the file has 0 bytes, too few for the header's length (8 bytes)")
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n"
    #expect(
      try sentence { try SafetensorsFile(path: folder.write(pointer, to: "f")) }
        == "this is a git-lfs pointer and not the file itself; run 'git lfs pull' in its folder, or download the file"
    )
    #expect(
      try sentence { try SafetensorsFile(path: folder.path + "/absent") } == "there is no such file"
    )
    #expect(
      try sentence { try SafetensorsFile(path: folder.path) } == "this is a folder, expected a file"
    )
  }

  @Test func truncatedAnywhere() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixture.bytes("types.safetensors")
    for length in 0..<whole.count {
      let path = try folder.write(whole[..<length], to: "f")
      #expect(try sentence { try SafetensorsFile(path: path) } != nil, "\(length) bytes")
    }
    let path = try folder.write(whole + [0], to: "f")
    #expect(try sentence { try SafetensorsFile(path: path) } != nil)
  }

  @Test func randomDamage() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixture.bytes("types.safetensors")
    var generator = SeededGenerator(seed: 11)
    var opened = 0
    for _ in 0..<10_000 {
      // Mostly the header, which is where damage is interesting.
      let bytes = damaged(Array(whole[..<1050]), &generator) + whole[1050...]
      let path = try folder.write(bytes, to: "f")
      let fault = try sentence {
        let file = try SafetensorsFile(path: path)
        for name in file.names {
          let tensor = try file.tensor(named: name)
          #expect(tensor.shape.reduce(tensor.dtype.size, *) == tensor.range.count)
          _ = try? tensor.doubles()
          _ = try? tensor.integers()
        }
      }
      if fault == nil { opened += 1 } else { #expect(fault?.isEmpty == false) }
    }
    #expect(opened > 10 && opened < 9_000)
  }
}
