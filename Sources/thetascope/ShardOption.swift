// --shard: a share of the cells, named or read from Slurm's variables; never the latter without being asked, since
// inside someone's own array a run must be whole.

import ArgumentParser
import Foundation
import Probes

enum ShardOption: ExpressibleByArgument {
  case given(String)
  case auto

  init(argument: String) { self = argument == "auto" ? .auto : .given(argument) }

  /// - Throws: `ValidationError` for what is no share, and where Slurm's variables are not those of an array.
  var shard: Shard {
    get throws {
      switch self {
      case .given(let text):
        guard let shard = Shard(text) else {
          throw ValidationError(
            "--shard is '\(text)', expected I/N: one of N shares, counted from 0 to N − 1, such as 0/4 to 3/4; or auto"
          )
        }
        return shard
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
