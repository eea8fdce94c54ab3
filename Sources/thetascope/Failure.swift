// Failure: one sentence and the documented exit status for every error of the libraries. What is not here is a usage
// error, which the argument parser prints itself.

import CheckpointIO
import HookPoints
import HookedModels
import ICLTasks
import Probes
import Tokenization

/// 0 ok, 1 a check failed, 64 usage, 65 bad data, 66 missing file, 70 our fault, 74 write failed, 130 interrupted.
struct Failure {
  let status: Int32
  let sentence: String

  init?(_ error: any Error) {
    switch error {
    case let error as CheckpointError: self.init(error.kind.exitStatus, "\(error)")
    case let error as TaskError: self.init(error.kind.exitStatus, "\(error)")
    case let error as RunError: self.init(error.exitStatus, "\(error)")
    case let error as TrainingError: self.init(65, "\(error)")
    case let error as ModelError: self.init(65, "\(error)")
    case let error as HookError: self.init(65, "\(error)")
    case let error as TokenizationError: self.init(error.kind.exitStatus, "\(error)")
    case let error as CommandError: self.init(65, "\(error)")
    case let error as MemoryError: self.init(64, "\(error)")
    default: return nil
    }
  }

  private init(_ status: Int32, _ sentence: String) {
    self.status = status
    // Names of files, keys and arguments may hold anything, and reach messages from everywhere.
    self.sentence = Excerpt.line(sentence)
  }
}

extension CheckpointError.Kind {
  fileprivate var exitStatus: Int32 {
    switch self {
    case .missingFile: 66
    case .badData: 65
    case .writeFailed: 74
    }
  }
}
