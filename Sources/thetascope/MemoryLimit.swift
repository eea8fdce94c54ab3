// --max-memory: batches are cut until a rehearsal keeps within the limit; a run that cannot says so before it starts.

import ArgumentParser
import Foundation
import Probes
import TensorCore

/// A number of bytes, such as 8000000000, 8G or 8GB.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  /// K, M, G and T count in steps of 1024, as Slurm's do.
  init?(argument: String) {
    let units = ["K": 10, "M": 20, "G": 30, "T": 40]
    var text = argument.uppercased()
    for ending in ["IB", "B"] where text.hasSuffix(ending) { text.removeLast(ending.count) }
    let unit = units[String(text.suffix(1))]
    guard let number = Double(unit == nil ? text : String(text.dropLast())), number > 0,
      number * Double(1 << (unit ?? 0)) < 1e18
    else { return nil }
    bytes = Int(number * Double(1 << (unit ?? 0)))
  }

  /// The least whole number of megabytes that holds so many bytes.
  static func text(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20)M" }
}

extension ProbeOptions {
  /// A rehearsal on a context that cuts batches for `batchBytes`.
  func rehearsed(batchBytes: Int? = nil, limit: Double = 5) throws
    -> (prepared: PreparedProbe, rehearsal: Rehearsal)
  {
    let meter = WorkMeter(.rehearsing)
    let context = context.metered(by: meter).cuttingBatches(to: batchBytes)
    let prepared = try prepared(on: context)
    return (prepared, try prepared.rehearsed(on: meter, limit: limit))
  }

  /// The bytes of activations to cut batches to, so that the run keeps within a limit; nil to cut none.
  ///
  /// - Throws: `MemoryError` where even single sequences do not fit.
  func batchBytes(within limit: ByteCount) throws -> Int? {
    var candidates = [Int?.none]
    var size = limit.bytes / 2
    while size > 1 << 20 {
      candidates.append(size)
      size /= 4
    }
    candidates.append(1)
    var least = Int.max
    for candidate in candidates {
      let (_, rehearsal) = try rehearsed(batchBytes: candidate, limit: 2)
      let bytes = rehearsal.work.bytes + ProcessMemory.peak
      if bytes <= limit.bytes { return candidate }
      least = min(least, bytes)
    }
    throw MemoryError(limit: limit.bytes, least: least)
  }
}

/// A limit within which a run cannot keep.
struct MemoryError: Error, Equatable, CustomStringConvertible {
  let limit: Int
  let least: Int

  var description: String {
    "--max-memory \(ByteCount.text(limit)): one sequence at a time already takes more; "
      + "\(ByteCount.text(least)) would do"
  }
}

/// What this process itself takes: code, tokenizers, tasks.
enum ProcessMemory {
  /// The most bytes it held until now.
  static var peak: Int {
    var usage = rusage()
    // RUSAGE_SELF, whose type differs by system.
    guard getrusage(0, &usage) == 0 else { return 0 }
    #if canImport(Darwin)
      return Int(usage.ru_maxrss)
    #else
      return Int(usage.ru_maxrss) << 10
    #endif
  }
}
