// Files from outside may be anything: damaged ones are taken or refused, never a crash.

import CheckpointIO
import Foundation
import ICLTasks
import TensorCore
import Testing

@Suite struct FuzzTests {
  static let documents = [
    #"{"name": "t", "category": "c", "source": "s", "input_domain": "d", "inverse_of": "u", "pairs": [{"input": "a", "output": "b", "accept": ["c", "d"]}, {"input": "e", "output": "f"}]}"#,
    #"{"a": "b", "c": 4, "d": ["e", 5], "f": "g"}"#,
    #"[{"input": "a", "output": "b"}, {"input": 3, "output": ["c"]}, {"input": "a", "output": "d"}]"#,
  ]

  @Test(arguments: documents)
  func damagedTaskFiles(document: String) throws {
    var generator = SeededGenerator(key: document, seed: 0)
    // The bytes that JSON is made of, so that many damaged files still parse.
    let alphabet = Array(#"{}[]",:0123abnul\ "#.utf8) + [0, 0x0a, 0xc3, 0xa9, 0xff]
    var taken = 0
    for _ in 0..<3000 {
      var bytes = Array(document.utf8)
      for _ in 0...generator.uniformInteger(below: 3) {
        let place = generator.uniformInteger(below: bytes.count)
        switch generator.uniformInteger(below: 4) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(generator.element(of: alphabet) ?? 0, at: place)
        case 2: bytes[place] = generator.element(of: alphabet) ?? 0
        default: bytes.swapAt(place, generator.uniformInteger(below: bytes.count))
        }
      }
      do {
        let task = try TaskFile(JSON(parsing: bytes, file: "f"), path: "c/t.json").task
        taken += 1
        // What is taken is a task: every input once, nothing empty.
        #expect(Set(task.pairs.map(\.input)).count == task.pairs.count)
        #expect(task.pairs.allSatisfy { !$0.input.isEmpty && !$0.output.isEmpty })
      } catch let error as TaskError {
        #expect(!error.description.contains("\n"))
      } catch let error as CheckpointError {
        #expect(error.kind == .badData)
      }
    }
    #expect(taken > 30)
  }
}
