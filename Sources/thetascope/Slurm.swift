// thetascope slurm: a script that submits a run as an array of shards and the merge that waits for them.

import ArgumentParser
import Foundation
import Probes
import TensorCore

struct Slurm: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a script that runs a probe as a Slurm array.",
    discussion: """
      `sh SCRIPT` submits an array of N tasks, each a shard, and a merge that starts when all are done. Memory and time \
      are what `plan` says, with room: the time on the cluster's nodes is not measured, so mind it. A task that is \
      preempted, requeued or killed goes on where it was; the script again continues a run that did not end.

      Example:
        thetascope slurm probes/hendel.yaml --model /scratch/pythia-6.9b \\
          --threads 16 --shards 100 > run.sh
        sh run.sh
      """)

  @OptionGroup var options: ProbeOptions
  @Option(help: "How many tasks the array has.") var shards: Int
  @Option(
    help: "The run's folder; runs/<probe file's name> by default. The shards lie in OUT.shards.",
    completion: .directory)
  var out: String?
  @Option(help: "Slurm's partition.") var partition: String?
  @Option(
    help:
      "The time limit of a task, as Slurm writes it, instead of twice the plan's and ten minutes.")
  var time: String?
  @Option(
    parsing: .unconditionalSingleValue,
    help: "An option more for sbatch, such as --account=x; may be given again.")
  var sbatch: [String] = []

  func validate() throws {
    if !(1...100_000).contains(shards) {
      throw ValidationError("--shards is \(shards), expected 1 to 100000")
    }
    let form = /\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}|(?i:unlimited|infinite)/
    if let time, time.wholeMatch(of: form) == nil {
      throw ValidationError(
        "--time is '\(time)', expected minutes, minutes:seconds, hours:minutes:seconds or days-hours[:minutes[:seconds]]"
      )
    }
  }

  func run() throws {
    let context = options.context
    let (prepared, rehearsal) = try options.rehearsed()
    let memory = ByteCount.text((rehearsal.work.bytes + ProcessMemory.peak) / 4 * 5)
    let estimate = TimeEstimate(
      rehearsal, of: prepared.inputs, on: options.environment(context), memory: .standard,
      productSpeed: context.measuredProductSpeed)
    let shares = prepared.plan.shares(shards)
    let longest =
      shares.map { share in
        let parts = share.map { rehearsal.parts[$0] }
        return estimate.seconds(of: parts + rehearsal.stages(under: parts))
      }.max() ?? 0
    advise(prepared.plan, estimate, longest: longest)
    let minutes = 10 + Int((2 * longest / 60).rounded(.up))
    print(
      script(
        prepared, limits: "--mem=\(memory) --time=\(time.map(quoted) ?? "\(minutes)")",
        about: "\(ProgressLine.duration(longest)) at most a shard, \(memory)"), terminator: "")
  }

  /// Starting a task costs about half a second, which should be little beside its work.
  private func advise(_ plan: RunPlan, _ estimate: TimeEstimate, longest: Double) {
    if shards > plan.cells.count {
      options.common.say(
        "the run has \(plan.cells.count) cells: \(shards - plan.cells.count) of \(shards) shards are empty"
      )
    } else if longest < 10, shards > 1 {
      options.common.say(
        "a shard takes \(ProgressLine.duration(longest)) at most; fewer shards would spend less on starting: "
          + "--shards \(max(1, Int(estimate.seconds / 10)))")
    }
  }

  private func script(_ prepared: PreparedProbe, limits: String, about: String) -> String {
    let name = URL(fileURLWithPath: options.probe).deletingPathExtension().lastPathComponent
    let folder = out ?? "runs/\(name)"
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    var run = [program, "run", options.probe]
    for path in options.model { run += ["--model", path] }
    for override in options.set { run += ["--set", override] }
    if options.small { run.append("--small") }
    run += ["--precision", options.precision.precision.rawValue, "--resume", "--shard", "auto"]
    let common =
      ["--job-name=thetascope-\(name)", "--requeue", "--open-mode=append"]
      + (partition.map { ["--partition=\($0)"] } ?? []) + sbatch
    let submit = "sbatch --parsable \(words(common))"
    let last = shards - 1
    return """
      #!/bin/sh
      # \(prepared.inputs.probe) in \(shards) shards: \(about). Written by thetascope slurm.
      # `sh` this file to submit; again to continue what did not end.
      set -eu
      self=$(readlink -f "$0")
      cd \(quoted(FileManager.default.currentDirectoryPath))
      out=\(quoted(folder))
      case "${1-submit}" in
      submit)
        mkdir -p "$out.shards"
        job=$(\(submit) --array=0-\(last) --cpus-per-task=\(options.context.threads) \\
          \(limits) --signal=B:TERM@60 \\
          --output="$out.shards/%a.log" "$self" shard)
        job=${job%%;*}
        \(submit) --dependency="afterok:$job" --cpus-per-task=1 \(limits) \\
          --output="$out.shards/merge.log" "$self" merge
        ;;
      shard)
        \(words(run)) \\
          --threads "${SLURM_CPUS_PER_TASK-1}" --stages "$out.shards/stages" \\
          --out "$out.shards/$SLURM_ARRAY_TASK_ID" &
        own=$!
        trap 'kill -TERM "$own" 2>/dev/null || :' TERM
        status=0
        wait "$own" || status=$?
        while kill -0 "$own" 2>/dev/null; do status=0; wait "$own" || status=$?; done
        # Stopped by a signal: what is finished is kept, and the task goes on in its next life.
        if [ "$status" -ge 128 ] && [ "${SLURM_RESTART_COUNT-0}" -lt 10 ]; then
          scontrol requeue "$SLURM_JOB_ID" && sleep 60
        fi
        exit "$status"
        ;;
      merge)
        set --
        for shard in $(seq 0 \(last)); do set -- "$@" "$out.shards/$shard"; done
        exec \(quoted(program)) merge "$@" --out "$out"
        ;;
      esac

      """
  }

  private func words(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

  /// As one word of the shell.
  private func quoted(_ text: String) -> String {
    let plain = text.allSatisfy {
      $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=:,@%+".contains($0))
    }
    return plain && !text.isEmpty
      ? text : "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}
