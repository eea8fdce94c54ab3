// What a run would be refused for because of its folder, found out without touching the folder.

import CheckpointIO

extension RunFolder {
  /// Throws what `open` would throw for the folder as it stands.
  ///
  /// - Parameters:
  ///   - path: the folder, perhaps absent.
  ///   - inputs: nil where digests are not known; then what lies there is not compared with them.
  ///   - mode: as for `open`.
  ///   - shard: the share that would be computed there; nil for the whole run.
  public static func verify(_ path: String, inputs: RunInputs?, mode: Mode, shard: Shard?) throws {
    switch FileReading.kind(of: path) {
    case .absent: return
    case .file:
      throw RunError.cannotWrite(file: path, fact: "this is a file, expected a folder for the run")
    case .folder: break
    }
    guard mode != .force else { return }
    let names = try SystemFile.names(in: path)
    if names.contains(shardName) || names.contains(recordName) {
      // Finished: opening it only looks.
      if let inputs, names.contains(shardName) || !names.contains(workName) {
        _ = try open(
          path, inputs: inputs,
          environment: RunEnvironment(
            version: "", cpu: "", instructionSet: "", threads: 1, system: ""), mode: mode,
          shard: shard)
      }
    } else if FileReading.kind(of: "\(path)/\(workName)/inputs.json") == .file {
      if mode == .start {
        throw RunError.refused(
          folder: path, fact: "the run in this folder is unfinished",
          remedy: "--resume continues it, --force starts anew")
      }
    } else if !names.contains(workName), let stranger = names.first(where: { !$0.hasPrefix(".") }) {
      throw RunError.refused(
        folder: path, fact: "the folder holds '\(stranger)', which is of no run",
        remedy: "choose another --out")
    }
  }
}
