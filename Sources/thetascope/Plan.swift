// thetascope plan: what a run would take, and every mistake that it would find, without touching a weight.

import ArgumentParser
import Foundation
import Probes
import TensorCore

struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what a run would take: cells, tokens, arithmetic, memory and time.",
    discussion: """
      The probe's own code is rehearsed on miniatures of the models (same layers, heads and vocabulary, widths of a few \
      numbers), so every mistake that the run would find is found. The time is that of the last run of such cells on \
      this machine; before there is one, it is what the matrix product alone would take, and the run takes longer.

      Examples:
        thetascope plan probes/hendel.yaml --model path/to/gpt2
        thetascope plan probes/task-geometry.yaml --set test_sets=100 --max-memory 4G
      """)

  @OptionGroup var options: ProbeOptions
  @OptionGroup var place: RunOptions

  func run() throws {
    let context = options.context
    let shard = try place.shard?.shard
    let (prepared, rehearsal) = try options.rehearsed(
      batchBytes: try place.maxMemory.flatMap { try options.batchBytes(within: $0) })
    for notice in prepared.plan.details.notices { options.common.say(notice) }
    let program = ProcessMemory.peak
    let memory = MachineMemory.standard
    let inputs = memory.completed(prepared.inputs)
    if let folder = place.out ?? inputs.map({ RunFolder.defaultPath(for: $0, shard) }) {
      try RunFolder.verify(folder, inputs: inputs, mode: place.mode, shard: shard)
    }
    let time = TimeEstimate(
      rehearsal, of: prepared.inputs, on: options.environment(context), memory: memory,
      productSpeed: context.measuredProductSpeed)
    var table = TextTable(headers: ["cells of", "cells", "tokens", "GFLOP", "GB", "time"])
    func append(_ name: String, _ parts: [Rehearsal.Part], andSeconds rest: Double = 0) {
      let all = parts + rehearsal.stages(under: parts)
      let work = all.reduce(Work()) { $0 + $1.work }
      table.append([
        name, "\(parts.count)", "\(work.tokens)",
        TextTable.number(work.floatingPointOperations / 1e9),
        TextTable.number(Double(work.bytes) / 1e9, decimals: 3),
        ProgressLine.duration(time.seconds(of: all) + rest),
      ])
    }
    let own = Set(prepared.plan.cells(of: shard))
    let groups = rehearsal.groups.map { ($0, $1.filter { own.contains($0.cell) }) }
    for (name, parts) in groups where !parts.isEmpty { append(name, parts) }
    append(
      shard.map { "shard \($0)" } ?? "all", groups.flatMap(\.1),
      andSeconds: shard == nil ? time.rest : 0)
    for line in table.lines(on: .data) { print(line) }
    let guessed = rehearsal.parts.count { !$0.isRehearsed }
    if guessed > 0 {
      options.common.say(
        "\(guessed) cells were not rehearsed: their work is that of their group's others, or their probe does not say it"
      )
    }
    options.common.say(
      "GB is the most that weights and activations hold at one time, "
        + "\(TextTable.number(Double(rehearsal.weightBytes) / 1e9, decimals: 3)) of it the models' weights; "
        + "the program itself takes \(TextTable.number(Double(program) / 1e9, decimals: 3)) more"
    )
    options.common.say(
      time.isRemembered
        ? "the time is that of earlier runs on this machine"
        : "these cells did not run on this machine yet: the time is that of their arithmetic, at least"
    )
    if let inputs { options.common.say("run_id \(inputs.runID)") }
  }
}
