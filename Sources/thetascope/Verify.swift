// thetascope verify: does this model keep the promises on this machine, and does it compute what others computed.

import ArgumentParser
import CheckpointIO
import Foundation
import HookedModels
import Probes
import TensorCore

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check on this machine that bits do not depend on how a model is run.",
    discussion: """
      Batches, prefixes, resuming, steps, threads, instruction sets, hooks that read and values replaced by \
      themselves must not change a bit; the identities between hook points must hold. With --reference, every \
      activation of a safetensors file (tensors `input_ids` and the names of hook points, or several prompts under \
      `prompt0/`, `prompt1/`, ...) is compared too. Ends with status 1 if a check fails.

      Examples:
        thetascope verify --model data/models/softmax
        thetascope verify --model gpt2 --reference activations.safetensors \\
          --csv errors.csv
      """)

  @Option(help: "A Hugging Face folder.", completion: .directory) var model: String
  @Option(
    help: "Activations that something else computed with the same weights, safetensors.",
    completion: .vectors)
  var reference: String?
  @Option(help: "The largest error that a reference may show, over its root mean square.")
  var tolerance = 1e-4
  @Option(
    help: "Writes the comparison with the reference, one row a tensor, to this file.",
    completion: .file(extensions: ["csv"]))
  var csv: String?
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if !(tolerance >= 0) {
      throw ValidationError("--tolerance is \(tolerance), expected 0 or more")
    }
    if csv != nil && reference == nil {
      throw ValidationError("--csv is the table of a comparison; give --reference too")
    }
  }

  func run() throws {
    let folder = try ModelFolder(path: model)
    let model = folder.model(as: Float.self, on: common.context)
    // A reference that cannot be used should not be found out after minutes.
    let comparison = try reference.map { try ReferenceComparison(model, path: $0) }
    let verification = Verification(model)
    var table = TextTable(headers: ["check", "result", "numbers", "error"])
    var failures: [String] = []
    for check in VerificationCheck.allCases {
      common.say("\(check.rawValue)…")
      let outcome = try verification.outcome(of: check)
      let result: String
      switch outcome.verdict {
      case .holds: result = "holds"
      case .fails(let place):
        result = "FAILS"
        failures.append("\(check.meaning): \(place)")
      case .skipped(let reason): result = "not here: \(reason)"
      }
      table.append([
        check.meaning, result, "\(outcome.compared)",
        outcome.largestError.map(TextTable.scientific) ?? "",
      ])
    }
    for line in table.lines(on: .data) { print(line) }
    if let comparison {
      print("")
      for line in layers(comparison).lines(on: .data) { print(line) }
      for (name, reason) in comparison.notCompared {
        common.say("not compared: \(name): \(reason)")
      }
      if let csv { try AtomicFile.write(rows(comparison).csv, to: csv) }
      failures += comparison.rows.filter { !($0.relativeError <= tolerance) }.prefix(3).map {
        "\($0.name) of prompt \($0.prompt): off by \(TextTable.scientific($0.relativeError)) of its root mean square, "
          + "more than --tolerance \(tolerance)"
      }
    }
    for failure in failures { talk("thetascope: \(folder.name): \(failure)") }
    if !failures.isEmpty { throw ExitCode(1) }
  }

  /// The worst tensor of each layer, and what stands outside the blocks.
  private func layers(_ comparison: ReferenceComparison) -> TextTable {
    var table = TextTable(
      headers: ["layer", "tensors", "maximal error", "relative error", "worst"])
    let layers = Dictionary(grouping: comparison.rows) { $0.layer ?? .max }
    for (layer, rows) in layers.sorted(by: { $0.key < $1.key }) {
      guard let worst = rows.max(by: { $0.relativeError < $1.relativeError }) else { continue }
      table.append([
        layer == .max ? "outside" : "\(layer)", "\(rows.count)",
        TextTable.scientific(rows.map(\.maximalError).max() ?? .nan),
        TextTable.scientific(worst.relativeError),
        worst.name,
      ])
    }
    return table
  }

  private func rows(_ comparison: ReferenceComparison) -> Table {
    var table = Table(.reference)
    for row in comparison.rows {
      table.append([
        .integer(row.prompt), .text(row.name), .optional(row.layer), .integer(row.count),
        .real(row.maximalError), .real(row.relativeError),
      ])
    }
    return table
  }
}
