// --shard: a share of the cells, named or read from Slurm's variables; never the latter without being asked, since
// inside someone's own array a run must be whole.

import ArgumentParser
import Foundation
import Probes

enum ShardOption: ExpressibleByArgument {
  case given(Shard)
  case auto

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
    } else if let shard = Shard(argument) {
      self = .given(shard)
    } else {
      return nil
    }
  }

  /// - Throws: `ValidationError` where Slurm's variables are not those of an array.
  var shard: Shard {
    get throws {
      switch self {
      case .given(let shard): return shard
      case .auto:
        let names = ["ID", "MIN", "COUNT"].map { "SLURM_ARRAY_TASK_\($0)" }
        let values = names.map { ProcessInfo.processInfo.environment[$0].flatMap { Int($0) } }
        if let missing = zip(names, values).first(where: { $1 == nil })?.0 {
          throw ValidationError(
            "--shard auto reads \(missing), which is not set here; it is for the tasks of a Slurm array"
          )
        }
        let numbers = values.compactMap { $0 }
        guard let shard = Shard(numbers[0] - numbers[1], of: numbers[2]) else {
          throw ValidationError(
            "--shard auto: \(names[0]) is \(numbers[0]), but the array has \(numbers[2]) tasks from "
              + "\(numbers[1]) on; give --array without gaps and steps, such as 0-\(numbers[2] - 1)"
          )
        }
        return shard
      }
    }
  }
}
