// Specs: types, defaults, unknown keys with their neighbours, overlay and overrides, the resolved spec.

import CheckpointIO
import Probes
import Testing

private struct ToySpec: Equatable {
  var shots: Int
  var scale: Double
  var models: [String]
  var rule: Int
  var layers: [Int]
  var controls: Bool
  var tasks: [String]
  var limit: Int?

  init(reading reader: inout SpecReader) throws {
    shots = try reader.int("shots", default: 5, in: 0...64)
    scale = try reader.double("scale", default: 1, in: 0...10)
    models = try reader.paths("models")
    rule = try reader.choice("rule", default: "strict", among: ["strict": 0, "paper": 1])
    layers = try reader.ints("layers", default: [], in: 0...100)
    controls = try reader.nested("controls") { try $0.bool("random", default: true) }
    tasks = try reader.nestedList("tasks", isOptional: true) { try $0.string("name") }
    limit = try reader.intIfPresent("limit")
  }
}

@Suite struct SpecTests {
  private func tree(_ text: String, sets: [String] = []) throws -> SpecTree {
    var tree = try SpecTree(
      try JSON(parsing: text.utf8, file: "p.yaml"), file: "p.yaml")
    for set in sets { try tree.set(set) }
    return tree
  }

  private func read(
    _ text: String, sets: [String] = [], small: Bool = false
  ) throws -> (spec: ToySpec, resolved: ResolvedSpec) {
    try tree(text, sets: sets).decode(small: small, ToySpec.init(reading:))
  }

  private func message(_ text: String, sets: [String] = []) -> String {
    do {
      _ = try read(text, sets: sets)
      return "no error"
    } catch let error as RunError {
      return "\(error.exitStatus) \(error)"
    } catch {
      return "another error: \(error)"
    }
  }

  @Test func defaultsAreResolved() throws {
    let (spec, resolved) = try read(#"{"probe": "toy", "models": ["a/b/m1/", "m2"], "scale": 2}"#)
    #expect(spec.shots == 5 && spec.scale == 2 && spec.models == ["a/b/m1/", "m2"])
    #expect(spec.controls && spec.tasks == [] && spec.limit == nil && spec.rule == 0)
    #expect(
      resolved.json
        == [
          "probe": "toy", "shots": 5, "scale": 2.0, "models": ["a/b/m1/", "m2"], "rule": "strict",
          "layers": [], "controls": ["random": true], "tasks": [], "limit": .null,
        ])
    #expect(resolved.withoutFolders["models"] == ["m1", "m2"])
    // Written out, reordered or left to default, it is the same spec.
    let other = try read(
      """
      {"limit": null, "controls": {}, "models": ["m1", "/x/m2"], "shots": 5, "scale": 2.0,
       "probe": "toy", "tasks": []}
      """)
    #expect(other.resolved.withoutFolders == resolved.withoutFolders)
  }

  @Test func yamlCanBeRunAgain() throws {
    let resolved = try read(
      #"{"probe": "toy", "models": ["a: b", "1"], "tasks": [{"name": "x"}, {"name": "y\n"}]}"#
    ).resolved
    #expect(
      resolved.yaml
        == """
        probe: "toy"
        shots: 5
        scale: 1.0
        models: ["a: b","1"]
        rule: "strict"
        layers: []
        controls:
          random: true
        tasks:
          -
            name: "x"
          -
            name: "y\\n"
        limit: null

        """)
  }

  @Test func mistakesNameTheKey() {
    let m = #""probe": "toy", "models": ["m"]"#
    #expect(message("{\(m)}") == "no error")
    #expect(
      message("{\(m), \"shot\": 3}")
        == "65 p.yaml: key 'shot': there is no such key; did you mean 'shots'?")
    #expect(
      message("{\(m), \"controls\": {\"randon\": true}}")
        == "65 p.yaml: key 'controls.randon': there is no such key; did you mean 'random'?")
    #expect(
      message("{\(m), \"tasks\": [{\"name\": \"a\"}, {\"name\": \"b\", \"x\": 1}]}")
        == "65 p.yaml: key 'tasks.1.x': there is no such key; there are name")
    #expect(
      message("{\(m), \"zzzzzzzzzz\": 3}").hasPrefix(
        "65 p.yaml: key 'zzzzzzzzzz': there is no such key; there are probe, shots, scale"))
    #expect(
      message(#"{"probe": "toy", "model": ["m"]}"#)
        == "65 p.yaml: key 'models': it is missing, expected a list, each a text; there is 'model'")
    #expect(
      message("{\(m), \"shots\": 65}")
        == "65 p.yaml: key 'shots': found the integer 65, expected an integer from 0 to 64")
    #expect(message("{\(m), \"shots\": 5.0}").contains("found the number 5.0, expected an integer"))
    #expect(message("{\(m), \"scale\": \"1\"}").contains("expected a number from 0.0 to 10.0"))
    #expect(message("{\(m), \"rule\": \"papr\"}").contains("expected one of 'strict', 'paper'"))
    for (layers, fact) in [
      ("[1, -1]", "found the integer -1 in the list, expected an integer from 0 to 100"),
      ("[1, 3, 1]", "the integer 1 stands there twice"),
      (
        "3",
        "found the integer 3, expected a list, each an integer from 0 to 100; write [3], in single quotes for a shell"
      ),
      (
        "\"[a, b]\"",
        "found the string '[a, b]', expected a list, each an integer from 0 to 100; "
          + "write [\"a\",\"b\"], in single quotes for a shell"
      ),
    ] {
      #expect(
        message("{\(m), \"layers\": \(layers)}") == "65 p.yaml: key 'layers': \(fact)")
    }
    #expect(
      message(#"{"probe": "toy", "models": []}"#)
        == "65 p.yaml: key 'models': the list is empty, expected at least one: a text")
    #expect(message("{\(m), \"controls\": 3}").contains("expected keys with values"))
    #expect(message("{\(m), \"tasks\": [3]}").contains("key 'tasks.0': expected keys with values"))
    #expect(message("[]").contains("the document is an array"))
    #expect(message("{\"models\": [\"m\"]}").contains("key 'probe'"))
  }

  @Test func overrides() throws {
    let text = #"{"probe": "toy", "models": ["m", "n"], "tasks": [{"name": "a"}]}"#
    let spec = try read(
      text,
      sets: [
        "shots=3", "shots=4", "controls.random=false", "models.1=runs/o", "tasks.0.name=b",
        "layers=[1, 2]", "limit=7", "scale=1e-1",
      ]
    ).spec
    #expect(spec.shots == 4 && !spec.controls && spec.models == ["m", "runs/o"])
    #expect(spec.tasks == ["b"] && spec.layers == [1, 2] && spec.limit == 7 && spec.scale == 0.1)

    var tree = try tree(text)
    try tree.set("models", to: ["/elsewhere/q"])
    #expect(try tree.decode(small: false, ToySpec.init(reading:)).spec.models == ["/elsewhere/q"])

    #expect(
      message(text, sets: ["shot=3"])
        == "64 --set shot=3: key 'shot': there is no such key; did you mean 'shots'?")
    #expect(
      message(text, sets: ["shots=many"])
        == "64 --set shots=many: key 'shots': found the string 'many', expected an integer from 0 to 64"
    )
    #expect(
      message(text, sets: ["controls={\"randm\": 1}"])
        == "64 --set controls={\"randm\": 1}: key 'controls.randm': there is no such key; "
        + "did you mean 'random'?")
    #expect(message(text, sets: ["shots"]).contains("there is no '='"))
    #expect(message(text, sets: [".a=1"]).contains("the key is empty in part"))
    #expect(message(text, sets: ["models.2=x"]).contains("no place in a list of 2"))
    #expect(message(text, sets: ["models.x=x"]).contains("no place in a list of 2"))
    #expect(message(text, sets: ["probe.x=1"]).contains("no keys below the string 'toy'"))
  }

  @Test func overlay() throws {
    let text = """
      {"probe": "toy", "models": ["m", "n"], "shots": 8, "controls": {"random": false},
       "small": {"models": ["m"], "shots": 2, "controls": {}}}
      """
    let whole = try read(text)
    #expect(whole.spec.models == ["m", "n"] && whole.spec.shots == 8 && !whole.spec.controls)
    let small = try read(text, small: true)
    #expect(small.spec.models == ["m"] && small.spec.shots == 2 && !small.spec.controls)
    #expect(whole.resolved["small"] == nil && small.resolved["small"] == nil)
    // The command line has the last word; an override of the overlay counts with it only.
    #expect(try read(text, sets: ["shots=9"], small: true).spec.shots == 9)
    #expect(try read(text, sets: ["small.shots=1"], small: true).spec.shots == 1)
    #expect(try read(text, sets: ["small.shots=1"], small: false).spec.shots == 8)
    // A mistake in the overlay shows without asking for it.
    #expect(
      message(#"{"probe": "toy", "models": ["m"], "small": {"shost": 2}}"#)
        == "65 p.yaml: key 'shost': there is no such key; did you mean 'shots'?")
    #expect(message(#"{"probe": "toy", "models": ["m"], "small": 3}"#).contains("the overlay is"))
    // One that is complete only with its overlay is not complete.
    #expect(message(#"{"probe": "toy", "small": {"models": ["m"]}}"#).contains("'models'"))
  }

  @Test func probeNames() throws {
    #expect(try tree(#"{"probe": "toy"}"#).probe == "toy")
    #expect(try tree(#"{"probe": "toy"}"#, sets: ["probe=lens"]).probe == "lens")
    #expect(throws: RunError.self) { _ = try tree("{}").probe }
    #expect(throws: RunError.self) { _ = try tree(#"{"probe": 3}"#).probe }
  }
}

extension ResolvedSpec {
  fileprivate subscript(key: String) -> JSON? { json[key] }
}
