// What `run`, `plan` and `slurm` take alike: a probe file and what is changed in it.

import ArgumentParser
import CheckpointIO
import Foundation
import Probes
import TensorCore

struct ProbeOptions: ParsableArguments {
  @Argument(help: "The probe file, YAML.", completion: .yaml) var probe: String
  @Option(
    help: "A model folder, instead of the probe file's; may be given again.",
    completion: .directory)
  var model: [String] = []
  @Option(help: "KEY=VALUE, replaces a key of the probe file; may be given again.")
  var set: [String] = []
  @Flag(help: "Use the probe file's overlay 'small', which ends in seconds.") var small = false
  @OptionGroup var precision: PrecisionOption
  @OptionGroup var common: CommonOptions

  var context: ComputeContext { common.context(precision.precision) }

  /// Opens and checks everything.
  func prepared(on context: ComputeContext) throws -> PreparedProbe {
    if FileReading.kind(of: probe) == .absent {
      let known = "probes/\(probe).yaml"
      throw RunError.missing(
        file: probe,
        fact: "there is no such file; a probe file was expected, such as "
          + (FileReading.kind(of: known) == .file ? known : "those in probes/"))
    }
    var tree = try SpecTree(readYAML(probe), file: probe)
    for override in set { try tree.set(override) }
    if !model.isEmpty { try tree.set("models", to: .array(model.map { .string($0) })) }
    return try ProbeRegistry.prepare(tree, small: small, on: context)
  }

  func environment(_ context: ComputeContext) -> RunEnvironment {
    RunEnvironment(version: Thetascope.version, context: context)
  }
}

extension MachineMemory {
  /// Where the command keeps it: `$THETASCOPE_CACHE`, or `thetascope` in the user's cache folder.
  static var standard: MachineMemory {
    let variables = ProcessInfo.processInfo.environment
    return MachineMemory(
      folder: variables["THETASCOPE_CACHE"]
        ?? (variables["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/thetascope")
  }
}
