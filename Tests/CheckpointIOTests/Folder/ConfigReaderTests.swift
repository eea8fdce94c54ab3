// Configurations: values, defaults on record, and the sentence for each thing that is wrong.

import CheckpointIO
import Testing

@Suite struct ConfigReaderTests {
  func reader(_ json: JSON) throws -> ConfigReader {
    try ConfigReader(json: json, file: "config.json")
  }

  enum Activation { case gelu, silu }

  @Test func readsValuesAndRecordsDefaults() throws {
    var config = try reader([
      "n_layer": 5, "eps": 1, "act": "silu", "names": ["a", "b"], "eos": 2, "flag": true,
      "n_inner": .null, "rope": ["theta": 5e5, "type": .null], "decays": [0.5, 1],
      "unused": [1, 2],
    ])
    #expect(try config.int("n_layer") == 5)
    #expect(try config.int("n_kv", default: 7) == 7)
    #expect(try config.int("n_inner", default: 9) == 9)
    #expect(try config.intIfPresent("window") == nil)
    #expect(try config.intIfPresent("n_layer") == 5)
    #expect(try config.double("eps") == 1)
    #expect(try config.double("scale", default: 0.5, in: 0...1) == 0.5)
    #expect(try config.choice("act", among: ["gelu": .gelu, "silu": .silu]) == Activation.silu)
    #expect(
      try config.choice("act2", default: "gelu", among: ["gelu": Activation.gelu]) == .gelu)
    #expect(try config.strings("names") == ["a", "b"])
    #expect(try config.ints("eos", in: 0...9) == [2])
    #expect(try config.bool("flag") == true)
    #expect(try config.string("kind", default: "x") == "x")
    #expect(try config.stringIfPresent("kind2") == nil)
    #expect(try config.doubleIfPresent("eps") == 1)
    try config.require("flag", equals: true)
    try config.require("bias", equals: false, default: false)
    try config.require("eps", equals: 1.0)
    let theta = try config.nested("rope") { inner in
      _ = try inner.string("type", default: "default")
      return try inner.double("theta")
    }
    #expect(theta == 5e5)
    #expect(try config.nested("rope2") { try $0.int("x") } == nil)
    #expect(try config.doublesIfPresent("decay") == nil)
    #expect(try config.doublesIfPresent("decays") == [0.5, 1])
    #expect(
      config.keysRead == [
        "n_layer", "n_kv", "n_inner", "window", "eps", "scale", "act", "act2", "names", "eos",
        "flag",
        "kind", "kind2", "bias", "rope", "rope.type", "rope.theta", "rope2", "decay", "decays",
      ])
    #expect(
      config.defaultsUsed == [
        "n_kv": 7, "n_inner": 9, "window": .null, "scale": 0.5, "act2": "gelu", "kind": "x",
        "kind2": .null, "bias": false, "rope.type": "default", "rope2": .null, "decay": .null,
      ])
    #expect(config.contains("n_layer") && !config.contains("n_inner") && !config.contains("zz"))
  }

  @Test func saysWhatIsWrong() throws {
    var config = try reader([
      "text": "5", "float": 5.0, "null": .null, "zero": 0, "huge": 1e30, "mixed": [1, "a"],
      "rope": ["theta": "x"], "on": true, "minus": -1,
    ])
    func fault<Result>(_ read: (inout ConfigReader) throws -> Result) throws -> String? {
      try sentence { try read(&config) }
    }
    let count = "expected an integer from 1 to 2147483647"
    #expect(try fault { try $0.int("absent") } == "'absent' is absent, \(count)")
    #expect(try fault { try $0.int("null") } == "'null' is null, \(count)")
    #expect(try fault { try $0.int("text") } == "'text' is the string '5', \(count)")
    #expect(try fault { try $0.int("float") } == "'float' is the number 5.0, \(count)")
    #expect(try fault { try $0.int("zero") } == "'zero' is the integer 0, \(count)")
    #expect(try fault { try $0.int("huge", default: 3) } == "'huge' is the number 1e+30, \(count)")
    #expect(
      try fault { try $0.int("minus", in: 0...5) }
        == "'minus' is the integer -1, expected an integer from 0 to 5")
    #expect(
      try fault { try $0.ints("mixed") }
        == "'mixed' is an array of 2, expected integers from 1 to 2147483647")
    #expect(
      try fault { try $0.strings("mixed") }
        == "'mixed' is an array of 2, expected an array of strings")
    #expect(
      try fault { try $0.double("zero", in: 0.5...1) }
        == "'zero' is the integer 0, expected a number from 0.5 to 1.0")
    #expect(try fault { try $0.double("on") } == "'on' is the boolean true, expected a number")
    #expect(try fault { try $0.bool("zero") } == "'zero' is the integer 0, expected true or false")
    #expect(
      try fault { try $0.choice("text", among: ["gelu": 1, "silu": 2]) }
        == "'text' is the string '5', expected one of 'gelu', 'silu'")
    #expect(
      try fault { try $0.require("on", equals: false, default: false) }
        == "'on' is the boolean true, expected false, the only value that is supported")
    #expect(
      try fault { try $0.require("off", equals: false, default: true) }
        == "'off' is absent, and by default the boolean true, expected false, the only value that is"
        + " supported")
    #expect(
      try fault { try $0.nested("rope") { try $0.double("theta") } }
        == "'rope.theta' is the string 'x', expected a number")
    #expect(
      try fault { try $0.nested("on") { _ in } } == "'on' is the boolean true, expected an object")
    #expect(
      try fault { try $0.doublesIfPresent("mixed") }
        == "'mixed' is an array of 2, expected an array of numbers")
    #expect(config.defaultsUsed.isEmpty)
    #expect(
      try sentence { try reader([1]) } == "the document is an array of 1, expected an object")
  }
}
