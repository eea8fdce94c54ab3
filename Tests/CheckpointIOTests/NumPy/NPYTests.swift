// .npy: NumPy's files read, ours equal to NumPy's, damage refused.

import CheckpointIO
import TensorCore
import Testing

@Suite struct NPYTests {
  @Test func readsNumPysFiles() throws {
    let fractions = [-1, -0.25, 0.5, 1.25, 2, 2.75]
    let f4 = try NPY.open(Fixture.path("f4.npy"))
    #expect(f4.shape == [2, 3] && f4.dtype == .float32)
    #expect(try f4.doubles() == fractions)
    #expect(try f4.floats() == fractions.map { Float($0) })
    let f8 = try NPY.open(Fixture.path("f8.npy"))
    #expect(f8.dtype == .float64)
    #expect(try f8.doubles() == fractions)
    for name in ["i4", "i8"] {
      let array = try NPY.open(Fixture.path("\(name).npy"))
      #expect(array.shape == [2, 3])
      #expect(try array.integers() == [-1, 0, 1, 2, 3, 4])
    }
    let scalar = try NPY.open(Fixture.path("scalar.npy"))
    #expect(scalar.shape == [])
    #expect(try scalar.doubles() == [2.5])
    let empty = try NPY.open(Fixture.path("empty.npy"))
    #expect(empty.shape == [0, 4])
    #expect(try empty.floats() == [])
    for name in ["version2", "version3"] {
      #expect(try NPY.open(Fixture.path("\(name).npy")).floats() == [0, 1, 2])
    }
  }

  @Test func bytesAreThoseOfNumPy() throws {
    let folder = try TemporaryFolder()
    let fractions = [-1, -0.25, 0.5, 1.25, 2, 2.75]
    let integers = [-1, 0, 1, 2, 3, 4]
    let arrays: [(String, StoredTensor)] = [
      ("f4", StoredTensor(name: "", shape: [2, 3], floats: fractions.map { Float($0) })),
      ("f8", StoredTensor(name: "", shape: [2, 3], doubles: fractions)),
      ("i4", StoredTensor(name: "", shape: [2, 3], integers: integers, as: .int32)),
      ("i8", StoredTensor(name: "", shape: [2, 3], integers: integers)),
      ("scalar", StoredTensor(name: "", shape: [], doubles: [2.5])),
      ("empty", StoredTensor(name: "", shape: [0, 4], floats: [])),
      ("vector", StoredTensor(name: "", shape: [5], floats: [0, 1, 2, 3, 4])),
    ]
    for (name, array) in arrays {
      let path = folder.path + "/\(name).npy"
      try NPY.write(array, to: path)
      #expect(try FileReading.readFile(path) == Fixture.bytes("\(name).npy"), "\(name)")
    }
  }

  @Test func manyAxesAndHugeHeadersComeBack() throws {
    let folder = try TemporaryFolder()
    for axes in [1, 20, 64, 21_000] {
      let shape = [Int](repeating: 1, count: axes - 1) + [2]
      let path = folder.path + "/f.npy"
      try NPY.write(StoredTensor(name: "", shape: shape, floats: [1, 2]), to: path)
      let array = try NPY.open(path)
      #expect(array.shape == shape)
      #expect(array.range.lowerBound % 64 == 0)
      #expect(try array.floats() == [1, 2])
    }
  }

  @Test func bfloat16HasNoNumPyType() throws {
    let folder = try TemporaryFolder()
    #expect(
      try sentence {
        try NPY.write(
          StoredTensor(name: "x", shape: [1], floats: [1], as: .bfloat16), to: folder.path + "/f")
      } == "NumPy has no type for BF16, that of 'x'; write F32")
  }

  @Test(arguments: [
    ("fortran", "the array is in Fortran order; save numpy.ascontiguousarray(array)"),
    ("big_endian", "the array is big-endian, '>f4'; save array.astype('<f4') or the like"),
    ("object", "the array holds Python objects, '|O', as a pickle, which is not read here"),
    ("complex", "the array has elements '<c8', which are not read here"),
    ("structured", "the header has '[' where a string in quotes should be (byte 20)"),
  ])
  func refusesOtherArrays(_ name: String, _ fact: String) throws {
    #expect(try sentence { try NPY.open(Fixture.path("\(name).npy")) } == fact)
  }

  /// A file with this literal and `data` zero bytes.
  func open(_ literal: String, data: Int, version: UInt8 = 1, length: Int? = nil) throws
    -> TensorView
  {
    let folder = try TemporaryFolder()
    let count = length ?? literal.utf8.count
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [version, 0]
    bytes += (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    bytes += Array(literal.utf8) + [UInt8](repeating: 0, count: data)
    return try NPY.open(folder.write(bytes, to: "f.npy"))
  }

  @Test func literalsThatLie() throws {
    func literal(_ shape: String, _ descr: String = "<f4") -> String {
      "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape)}\n"
    }
    #expect(try open(literal("(2,)"), data: 8).shape == [2])
    #expect(
      try open("{\"shape\":(2,),'fortran_order':False,\"descr\":'<f4',}", data: 8).shape == [2])
    let cases: [(String, Int, String)] = [
      (literal("(2,)"), 7, "7 bytes follow the header, but elements <f4 of shape [2] need 8"),
      (literal("(2,)"), 9, "9 bytes follow the header, but elements <f4 of shape [2] need 8"),
      (literal("(2)"), 8, "the header has a 'shape' that is no tuple (byte 62)"),
      (literal("(-2,)"), 8, "the header has '-' where an axis of 'shape' should be (byte 61)"),
      (literal("(,)"), 8, "the header has ',' where an axis of 'shape' should be (byte 61)"),
      (literal("[2]"), 8, "the header has '[' where '(' should be (byte 60)"),
      (literal("(2,"), 8, "the header has '}' where an axis of 'shape' should be (byte 63)"),
      (
        literal("(99999999999999999999,)"), 8,
        "the header has an axis in 'shape' that is beyond 64 bits (byte 61)"
      ),
      (literal("(4611686018427387904, 4)"), 8, "the array's size in bytes is beyond 64 bits"),
      (literal("(2,)", "f4"), 8, "the array has elements 'f4', which are not read here"),
      (literal("(2,)") + "{}", 8, "the header goes on after its dictionary (byte 66)"),
      (
        "{'descr': '<f4', 'shape': (2,)}", 8,
        "the header lacks one of 'descr', 'fortran_order' and 'shape' (byte 41)"
      ),
      (
        "{'descr': '<f4', 'descr': '<f4'}", 8,
        "the header has the key 'descr', which is unknown or comes twice (byte 35)"
      ),
      ("{'a': 1}", 8, "the header has the key 'a', which is unknown or comes twice (byte 15)"),
      ("{'descr': '\\x3cf4'}", 8, "the header has a string that is not plain ASCII (byte 20)"),
      ("{'descr': '<f4", 8, "the header has a string without its closing quote (byte 20)"),
      ("{'fortran_order': 0}", 8, "the header has '0' where True or False should be (byte 28)"),
      ("", 8, "the header has its end where '{' should be (byte 10)"),
      ("__import__('os')", 8, "the header has '_' where '{' should be (byte 10)"),
    ]
    for (literal, data, fact) in cases {
      #expect(try sentence { try open(literal, data: data) } == fact, "\(literal)")
    }
    #expect(try open(literal("(0, 9223372036854775807)"), data: 0).count == 0)
    #expect(
      try sentence { try open(literal("(2,)"), data: 8, version: 4) }
        == "this is version 4.0 of the .npy format, expected 1.0 to 3.0")
    #expect(
      try sentence { try open(literal("(2,)"), data: 8, version: 2, length: 65_536) }
        == "the header is said to have 65536 bytes, the limit is 65535")
    #expect(
      try sentence { try open(literal("(2,)"), data: 8, version: 2, length: 65_535) }
        == "the file has 76 bytes and ends inside its header")
    #expect(
      try sentence { try open(literal("(2,)"), data: 8, version: 2, length: 0xFFFF_FFFF) } != nil)
  }

  @Test func truncatedAnywhere() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixture.bytes("f4.npy")
    for length in 0..<whole.count {
      let path = try folder.write(whole[..<length], to: "f")
      #expect(try sentence { try NPY.open(path) } != nil, "\(length) bytes")
    }
  }

  @Test func randomDamage() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixture.bytes("f4.npy")
    var generator = SeededGenerator(seed: 12)
    var opened = 0
    for _ in 0..<10_000 {
      let path = try folder.write(damaged(whole, &generator), to: "f")
      let fault = try sentence {
        let array = try NPY.open(path)
        #expect(array.shape.reduce(array.dtype.size, *) == array.range.count)
        _ = try? array.doubles()
      }
      if fault == nil { opened += 1 }
    }
    #expect(opened > 10 && opened < 9_000)
  }
}
