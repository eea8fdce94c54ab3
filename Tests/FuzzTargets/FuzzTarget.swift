// FuzzTarget: one reader of bytes from outside, with inputs to begin from and what must hold for every input: the reader
// takes it, or refuses it in one sentence of the documented kinds, and what it took can be used. It knows no fuzzer: the
// executable `Fuzz` feeds targets from libFuzzer, FuzzTests from the committed inputs.

import CheckpointIO
import Foundation
import HookPoints
import HookedModels
import ICLTasks
import Probes
import TestSupport
import Tokenization

/// A reader under test.
package struct FuzzTarget: Sendable {
  /// Takes one input; throws `Finding`, or stops the program, where the reader is wrong.
  package typealias Check = ([UInt8]) throws -> Void

  package let name: String
  /// What a mutated input is at most long, in bytes: as long as the longest seed, which is generous.
  package let longest: Int
  /// Inputs that the reader takes, or nearly.
  package let seeds: @Sendable () throws -> [[UInt8]]
  /// Makes the check, which may keep files in a folder of its own.
  package let prepare: @Sendable (Sandbox) throws -> Check

  init(
    _ name: String, longest: Int = 4096, seeds: @escaping @Sendable () throws -> [[UInt8]],
    prepare: @escaping @Sendable (Sandbox) throws -> Check
  ) {
    self.name = name
    self.longest = longest
    self.seeds = seeds
    self.prepare = prepare
  }

  package static let all: [FuzzTarget] = [
    .json, .safetensors, .shardIndex, .config, .npy, .npz, .tokenizer, .tokenizerText, .merges,
    .yaml, .probe, .training, .task, .harnessSamples, .classification, .csv, .gguf, .hookName,
    .plan, .journal,
    .journalRecords, .savedVector,
  ]

  /// Inputs that once were findings, and others worth keeping: Tests/Fixtures/fuzz/NAME.
  package func regressions() throws -> [(name: String, bytes: [UInt8])] {
    let folder = fixture("fuzz/\(name)")
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
      ($0, try FileReading.readFile("\(folder)/\($0)"))
    }
  }
}

/// What a target found wrong.
package struct Finding: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}

/// Throws a finding unless `condition` holds.
func require(_ condition: Bool, _ fact: @autoclosure () -> String) throws {
  guard condition else { throw Finding(fact()) }
}

/// What a reader makes of an input; nil where it refuses it in one sentence of a kind that the command knows.
func taken<Value>(_ read: () throws -> Value) throws -> Value? {
  do {
    return try read()
  } catch let error as Finding {
    throw error
  } catch {
    switch error {
    case is CheckpointError, is TaskError, is RunError, is TokenizationError, is ModelError,
      is HookError, is CommandError, is TrainingError:
      // Control characters are the command's affair, which prints every message as one line.
      try require(!"\(error)".isEmpty, "an error without a sentence")
      return nil
    default: throw Finding("an error that the command has no status for: \(error)")
    }
  }
}

/// A folder in memory, where there is one, for the readers that take paths.
package final class Sandbox: Sendable {
  package let path: String

  package init() throws {
    let memory = "/dev/shm"
    let base =
      FileManager.default.isWritableFile(atPath: memory) ? memory + "/" : NSTemporaryDirectory()
    path = "\(base)thetascope-fuzz-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  package func remove() { try? FileManager.default.removeItem(atPath: path) }

  func makeFolder(_ name: String) throws -> String {
    let folder = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }

  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = "\(path)/\(name)"
    guard let stream = fopen(file, "wb") else { throw CocoaError(.fileWriteUnknown) }
    defer { fclose(stream) }
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else {
      throw CocoaError(.fileWriteOutOfSpace)
    }
    return file
  }

  @discardableResult
  func copy(_ source: String, to name: String) throws -> String {
    try write(try FileReading.readFile(source), to: name)
  }
}

/// The bytes of the fixtures below `folder` that have this ending, sorted by path, none longer than `longest`.
func fixtures(_ folder: String, ending: String, longest: Int) throws -> [[UInt8]] {
  let root = fixture(folder)
  guard let walk = FileManager.default.enumerator(atPath: root) else { return [] }
  return try walk.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) }.sorted()
    .map { try FileReading.readFile("\(root)/\($0)") }.filter { $0.count <= longest }
}
