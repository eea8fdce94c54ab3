// What valid JSON reads as: kinds, numbers to the last bit, strings, order.

import CheckpointIO
import Testing

@Suite struct JSONParsingTests {
  func parse(_ text: String) throws -> JSON { try JSON(parsing: text.utf8, file: "t.json") }

  @Test func kinds() throws {
    let json = try parse(
      #" { "a" : [ 1 , -2.5e+3 , true , false , null , "x" , {} , [] ] , "b" : { "c" : 0 } } "#)
    let expected: JSON = [
      "a": [1, -2500.0, true, false, .null, "x", [:], []],
      "b": ["c": 0],
    ]
    #expect(json == expected)
    #expect(json["a"]?.arrayValue?.count == 8)
    #expect(json["b"]?["c"]?.intValue == 0)
    #expect(json["z"] == nil)
    #expect(json["a"]?["b"] == nil)
  }

  @Test func accessorsAreStrict() throws {
    #expect(try parse("1").intValue == 1)
    #expect(try parse("1").doubleValue == 1)
    #expect(try parse("1.0").intValue == nil)
    #expect(try parse("1.0").doubleValue == 1)
    #expect(try parse("1").boolValue == nil)
    #expect(try parse("true").boolValue == true)
    #expect(try parse("true").intValue == nil)
    #expect(try parse("null").isNull)
    #expect(try parse("\"1\"").intValue == nil)
    #expect(try parse("\"1\"").stringValue == "1")
    #expect(try parse("{}").objectValue == [:])
    #expect(try parse("[]").objectValue == nil)
  }

  @Test func integersWithin64BitsAreIntegersAndOthersAreNumbers() throws {
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("-9223372036854775808") == .integer(.min))
    #expect(try parse("9223372036854775808") == .number(0x1p63))
    #expect(try parse("-9223372036854775809") == .number(-0x1p63))
    #expect(try parse("18446744073709551616") == .number(0x1p64))
    // transformers writes this for "no limit".
    #expect(try parse("1000000000000000019884624838656") == .number(1e30))
    #expect(try parse("1e2") == .number(100))
    let zero = try #require(try parse("-0").doubleValue)
    #expect(zero == 0 && zero.sign == .minus)
    #expect(try parse("0") == .integer(0))
  }

  /// Literals and the doubles CPython reads them as.
  @Test func numbersAreCorrectlyRounded() throws {
    var count = 0
    for line in try Fixture.lines("doubles.txt") {
      let fields = line.split(separator: " ")
      let bits = try #require(UInt64(fields[1], radix: 16))
      let value = try #require(try parse(String(fields[0])).doubleValue)
      if fields[0] == "-0" || value != 0 || fields[0].contains(".") || fields[0].contains("e") {
        #expect(value.bitPattern == bits, "\(fields[0])")
      }
      count += 1
    }
    #expect(count > 1500)
  }

  @Test func escapes() throws {
    let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00\u0000é漢😀""#
    let string = try #require(try parse(text).stringValue)
    #expect(
      Array(string.utf8)
        == Array("\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{20AC}\u{1F600}\u{0}\u{E9}\u{6F22}\u{1F600}".utf8))
  }

  @Test func textsOfManyLengths() throws {
    for length in 0..<70 {
      let text = String(repeating: "a", count: length)
      #expect(try parse("\"\(text)\"") == .string(text))
      #expect(try parse("\"\(text)é\"") == .string(text + "é"))
      #expect(try parse("\"\(text)\\n\(text)\"") == .string("\(text)\n\(text)"))
    }
  }

  /// Swift's String holds these equal; a vocabulary may have both.
  @Test func keysOfOtherNormalisationAreOtherKeys() throws {
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    #expect(composed == decomposed)
    let json = try parse("{\"\(composed)\": 1, \"\(decomposed)\": 2}")
    #expect(json[composed] == 1)
    #expect(json[decomposed] == 2)
    #expect(JSON.string(composed) != .string(decomposed))
    var pairs = (0..<100).map { "\"k\($0)\": \($0)" }
    pairs += ["\"\(composed)\": 1", "\"\(decomposed)\": 2"]
    let large = try parse("{" + pairs.joined(separator: ",") + "}")
    #expect(large[composed] == 1)
    #expect(large[decomposed] == 2)
    #expect(large["k57"] == 57)
  }

  @Test func takesAnyCollectionOfBytes() throws {
    let text = "[1, 2]"
    #expect(try JSON(parsing: Array(text.utf8), file: "t") == [1, 2])
    #expect(try JSON(parsing: Array(text.utf8)[...], file: "t") == [1, 2])
    #expect(try JSON(parsing: text.utf8.lazy.map { $0 }, file: "t") == [1, 2])
    let raw = try Array(text.utf8).withUnsafeBytes { try JSON(parsing: $0, file: "t") }
    #expect(raw == [1, 2])
  }

  @Test func largeVocabulary() throws {
    let count = 200_000
    var text = "{"
    for index in 0..<count { text += (index == 0 ? "" : ",") + "\"token\(index)\":\(index)" }
    let object = try #require(try parse(text + "}").objectValue)
    #expect(object.count == count)
    for index in stride(from: 0, to: count, by: 997) {
      #expect(object["token\(index)"] == .integer(index))
      #expect(object.keys[index] == "token\(index)")
    }
    #expect(object["token\(count)"] == nil)
    #expect(try sentence { try parse(text + ",\"token77\":1}") } != nil)
  }
}
