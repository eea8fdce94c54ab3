// What is not JSON, and the sentence that says so; every limit at its value and one beyond.

import CheckpointIO
import TensorCore
import Testing

@Suite struct JSONStrictnessTests {
  func parse(_ text: String, _ limits: JSONLimits = .default) throws -> JSON {
    try JSON(parsing: text.utf8, file: "t.json", limits: limits)
  }

  @Test(arguments: [
    ("", "expected a value, found the end of the document"),
    ("   ", "expected a value, found the end of the document"),
    ("{} {}", "'{' after the end of the document"),
    ("nul", "expected 'null'"),
    ("nulL", "expected 'null'"),
    ("truefalse", "'f' after the end of the document"),
    ("NaN", "expected a value, found 'N' (NaN and Infinity are not JSON)"),
    ("[Infinity]", "expected a value, found 'I' (NaN and Infinity are not JSON)"),
    ("-Infinity", "expected a digit, found 'I'"),
    ("01", "a number that begins with 0 and another digit"),
    ("-01", "a number that begins with 0 and another digit"),
    ("1.", "expected a digit, found the end of the document"),
    (".5", "expected a value, found '.'"),
    ("+1", "expected a value, found '+'"),
    ("1e", "expected a digit, found the end of the document"),
    ("1e+", "expected a digit, found the end of the document"),
    ("-", "expected a digit, found the end of the document"),
    ("0x10", "'x' after the end of the document"),
    ("1e400", "'1e400' is beyond the range of a double"),
    ("-1e99999999999999999999", "'-1e99999999999999999999' is beyond the range of a double"),
    ("[1,]", "expected a value, found ']'"),
    ("[1 2]", "expected ',' or ']' in an array, found '2'"),
    ("[1", "expected ',' or ']' in an array, found the end of the document"),
    ("{\"a\":1,}", "expected a key in double quotes, found '}'"),
    ("{a:1}", "expected a key in double quotes, found 'a'"),
    ("{'a':1}", "expected a key in double quotes, found \"'\""),
    ("{\"a\" 1}", "expected ':' after a key, found '1'"),
    ("{\"a\":1 \"b\":2}", "expected ',' or '}' in an object, found '\"'"),
    ("{\"a\":1,\"b\":2,\"a\":3}", "the key 'a' comes twice in one object"),
    ("{\"a\":1,\"\\u0061\":3}", "the key 'a' comes twice in one object"),
    ("\"abc", "a string without its closing quote"),
    ("\"a\\", "a backslash at the end of the document"),
    ("\"\\x41\"", "the escape \\ before 'x', which JSON lacks"),
    ("\"\\u12G4\"", "\\u must have four hexadecimal digits after it"),
    ("\"\\u12\"", "\\u must have four hexadecimal digits after it"),
    ("\"\\ud800\"", "the escape of half a surrogate pair"),
    ("\"\\ud800\\u0041\"", "the escape of half a surrogate pair"),
    ("\"\\udc00\\ud800\"", "the escape of half a surrogate pair"),
    ("\"\\ud800\\ud800\"", "the escape of half a surrogate pair"),
    ("\"a\nb\"", "byte 0x0A inside a string, where it must be escaped"),
    ("\"a\tb\"", "byte 0x09 inside a string, where it must be escaped"),
    ("[1] // note", "'/' after the end of the document"),
    ("\u{FEFF}{}", "a byte order mark, which JSON does not allow"),
    ("\u{A0}1", "expected a value, found byte 0xC2"),
    ("\u{0}", "expected a value, found byte 0x00"),
  ])
  func refuses(_ text: String, _ fact: String) throws {
    do {
      let json = try parse(text)
      Issue.record("\(text) was read as \(json)")
    } catch CheckpointError.invalidJSON(let file, let found, _, _, _) {
      #expect(file == "t.json")
      #expect(found == fact)
    }
  }

  @Test(arguments: [
    [0x22, 0x80, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0x80, 0x22],
    [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xFF, 0x22],
    [0x22, 0x5C, 0x6E, 0xE2, 0x82, 0x22],
  ])
  func refusesBadUTF8(_ bytes: [UInt8]) throws {
    let found = try sentence { try JSON(parsing: bytes, file: "t.json") }
    #expect(found?.hasSuffix("a string that is not valid UTF-8") == true, "\(found ?? "read")")
  }

  @Test func namesThePlace() throws {
    #expect(
      try sentence { try parse("{\n  \"é\": 1,\n  \"漢字\": x\n}") }
        == "line 3, column 9 (byte 25): expected a value, found 'x'")
    #expect(
      try sentence { try parse("{\"a\": 1,\n \"b\": 2, \"a\": 3}") }
        == "line 2, column 10 (byte 18): the key 'a' comes twice in one object")
    let bytes = Array("[\"ab".utf8) + [0xFF] + Array("\"]".utf8)
    #expect(
      try sentence { try JSON(parsing: bytes, file: "t.json") }
        == "line 1, column 5 (byte 4): a string that is not valid UTF-8")
  }

  @Test func depthIsBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(try parse(nested(128)) != .null)
    #expect(
      try sentence { try parse(nested(129)) }
        == "line 1, column 129 (byte 128): arrays and objects deeper in one another than the limit of 128"
    )
    let bomb = String(repeating: "{\"a\":[", count: 500_000)
    #expect(try sentence { try parse(bomb) }?.contains("deeper") == true)
    #expect(try parse(nested(512), JSONLimits(depth: 512)) != .null)
    #expect(try parse("1", JSONLimits(depth: 0)) == 1)
    #expect(try sentence { try parse("[]", JSONLimits(depth: 0)) } != nil)
  }

  @Test func sizeAndValuesAreBounded() throws {
    #expect(try parse("[1,2]", JSONLimits(bytes: 5)) == [1, 2])
    #expect(
      try sentence { try parse("[1,2]", JSONLimits(bytes: 4)) }
        == "line 1, column 1 (byte 0): the document has 5 bytes, the limit is 4")
    #expect(try parse("[1,2]", JSONLimits(values: 3)) == [1, 2])
    #expect(
      try sentence { try parse("[1,2]", JSONLimits(values: 2)) }
        == "line 1, column 4 (byte 3): more values than the limit of 2")
    let digits = String(repeating: "1", count: 300)
    #expect(try parse("0." + String(repeating: "3", count: 1022)) == .number(1.0 / 3))
    #expect(
      try sentence { try parse("0." + String(repeating: "3", count: 1023)) }
        == "line 1, column 1 (byte 0): a number of more than 1024 characters")
    #expect(try parse(digits).doubleValue.map { $0 > 1e299 } == true)
  }

  /// CPython's verdict on damaged documents, its reader made as strict as the standard.
  @Test func agreesWithPythonOnDamagedDocuments() throws {
    var accepted = 0
    var refused = 0
    for line in try Fixture.lines("damaged_json.txt") {
      let digits = Array(line.utf8.dropFirst())
      let bytes = try stride(from: 0, to: digits.count, by: 2).map { start in
        try #require(UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16))
      }
      let fault = try sentence { try JSON(parsing: bytes, file: "t.json") }
      #expect(
        (fault == nil) == (line.first == "1"),
        "\(String(decoding: bytes, as: UTF8.self)): \(fault ?? "read")")
      if fault == nil { accepted += 1 } else { refused += 1 }
    }
    #expect(accepted > 100 && refused > 1000)
  }

  @Test func everyProperPrefixIsRefused() throws {
    let text = Array(#"{"a": [1, -2.5e+3, true, "x\u00e9\ud83d\ude00é"], "b": null}"#.utf8)
    #expect(try JSON(parsing: text, file: "t.json") != .null)
    for length in 0..<text.count {
      let fault = try sentence { try JSON(parsing: text[..<length], file: "t.json") }
      #expect(fault != nil, "\(length) bytes were read")
    }
  }

  /// Nothing but a value or a sentence; and what is read is written back to the same.
  @Test func randomDamage() throws {
    var generator = SeededGenerator(seed: 1)
    let text = Array(
      #"{"a": [1, -2.5e+3, true, "x\u00e9\ud83d\ude00é", 12345678901234567890], "b": {"c": null}}"#
        .utf8)
    var read = 0
    for _ in 0..<10_000 {
      let bytes = damaged(text, &generator)
      var json: JSON?
      let fault = try sentence { json = try JSON(parsing: bytes, file: "t.json") }
      #expect((fault == nil) == (json != nil))
      if let json {
        read += 1
        #expect(try JSON(parsing: json.serialized(pretty: true).utf8, file: "again") == json)
      }
    }
    #expect(read > 100)
  }
}
