// MemoryBench: how much memory a forward pass takes beside the checkpoint's bytes.

import CheckpointIO
import Foundation
import HookedModels
import Probes
import TensorCore

struct MemoryBench {
  let path: String
  let context: ComputeContext

  /// One pass of `tokens` tokens in this process, which must have done nothing else.
  func table(tokens: Int = 256) throws -> TextTable {
    let folder = try ModelFolder(path: path)
    let model = folder.model(as: Float.self, on: context)
    let count = min(tokens, model.architecture.maximumPositions ?? tokens)
    var generator = SeededGenerator(key: "tokens", seed: 1)
    let batch = BatchSequence<Float>(
      tokens: (0..<count).map { _ in
        generator.uniformInteger(below: model.architecture.vocabulary)
      })
    _ = try model.run([batch])
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      let peak = usage.ru_maxrss * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      let peak = usage.ru_maxrss
    #endif
    let weights = try folder.files.filter { $0.hasSuffix(".safetensors") }.reduce(0) {
      try $0 + MappedFile("\(path)/\($1)").count
    }
    var table = TextTable(headers: ["pass of \(count) tokens", "MB"])
    for (what, bytes) in [
      ("checkpoint", weights), ("peak resident", peak), ("peak - checkpoint", peak - weights),
    ] {
      table.append([what, TextTable.number(Double(bytes) / 1e6, decimals: 0)])
    }
    return table
  }
}
