// What the writer writes, to the byte, and objects as values.

import CheckpointIO
import TensorCore
import Testing

@Suite struct JSONWritingTests {
  let document: JSON = [
    "b": [1, 2.5, 1e-7, 1e300, 100.0, true, .null, [], [:]],
    "a": ["x": "q\"\\\n\u{1}é"],
  ]

  @Test func compact() {
    #expect(
      document.serialized(pretty: false)
        == #"{"b":[1,2.5,1e-07,1e+300,100.0,true,null,[],{}],"a":{"x":"q\"\\\n\u0001é"}}"#)
  }

  @Test func pretty() {
    let expected = """
      {
        "b": [
          1,
          2.5,
          []
        ],
        "a": {
          "x": {}
        }
      }
      """
    let json: JSON = ["b": [1, 2.5, []], "a": ["x": [:]]]
    #expect(json.serialized(pretty: true) == expected)
  }

  @Test func whatJSONLacksIsNull() {
    let json: JSON = [.number(.nan), .number(.infinity), .number(-.infinity)]
    #expect(json.serialized(pretty: false) == "[null,null,null]")
  }

  @Test func readingGivesTheValueBack() throws {
    #expect(
      try JSON(parsing: document.serialized(pretty: false).utf8, file: "t") == document)
    #expect(try JSON(parsing: document.serialized(pretty: true).utf8, file: "t") == document)
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<20_000 {
      let value = Double(bitPattern: generator.next())
      if value.isFinite {
        let read = try JSON(parsing: JSON.number(value).serialized(pretty: false).utf8, file: "t")
        guard case .number(let back) = read else {
          Issue.record("\(value) came back as \(read)")
          continue
        }
        #expect(back.bitPattern == value.bitPattern)
      }
    }
  }

  @Test func objectsKeepTheOrderOfAssignment() {
    var object: JSONObject = ["z": 1, "a": 2]
    object["m"] = 3
    object["z"] = 4
    #expect(object.keys == ["z", "a", "m"])
    #expect(object.values == [4, 2, 3])
    object["a"] = nil
    object["nothing"] = nil
    #expect(object.keys == ["z", "m"])
    #expect(object["a"] == nil)
    #expect(object["m"] == 3)
    #expect(object == ["z": 4, "m": 3])
    #expect(object != ["m": 3, "z": 4])
    #expect(object.map { $0.0 } == ["z", "m"])
  }

  @Test func largeObjectsBehaveLikeSmallOnes() {
    var object = JSONObject()
    var reference: [String: Int] = [:]
    var generator = SeededGenerator(seed: 5)
    for step in 0..<3000 {
      let key = "k\(generator.next() % 200)"
      if generator.next() % 4 == 0 {
        object[key] = nil
        reference[key] = nil
      } else {
        object[key] = .integer(step)
        reference[key] = step
      }
      #expect(object.count == reference.count)
      #expect(object[key]?.intValue == reference[key])
    }
    for (key, value) in object { #expect(value.intValue == reference[key]) }
  }

  @Test func assigningLeavesCopiesAlone() {
    let first: JSONObject = ["a": 1]
    var second = first
    second["a"] = 2
    #expect(first["a"] == 1)
    #expect(second["a"] == 2)
  }
}
