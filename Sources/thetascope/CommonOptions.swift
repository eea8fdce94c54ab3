// What every command takes, and how the command talks: data to stdout, talk to stderr, nothing with --quiet.

import ArgumentParser
import Foundation
import Probes
import TensorCore

struct CommonOptions: ParsableArguments {
  @Option(help: "Threads; all cores by default. Results do not depend on it.") var threads: Int?
  @Flag(help: "Say nothing but errors.") var quiet = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads), expected 1 to 1024")
    }
  }

  var context: ComputeContext { context(.f32) }

  func context(_ precision: Precision) -> ComputeContext {
    ComputeContext(
      threads: threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount),
      precision: precision)
  }

  /// A line of talk.
  func say(_ line: String) {
    if !quiet { talk(Screen.talk.text(line)) }
  }
}

extension Precision: ExpressibleByArgument {}

/// What products multiply, for the commands that run a model.
struct PrecisionOption: ParsableArguments {
  @Option(help: "f32, or bf16: products of rounded numbers, about twice as fast and less exact.")
  var precision = Precision.f32

  func validate() throws {
    guard precision.isAvailable else {
      throw ValidationError(
        "--precision \(precision.rawValue): this CPU has no bf16 dot product (AVX512-BF16); leave it out"
      )
    }
  }
}

/// What a run writes beside its tables.
struct SamplesOption: ParsableArguments {
  @Flag(
    name: .customLong("samples-jsonl"),
    help:
      "Also write samples as lm-evaluation-harness logs them: samples_<task>_<run_id>.jsonl; arg_0 is the query alone, of the whole prompt a run keeps the digest, prompt_hash."
  )
  var isGiven = false
}

/// How tables are written.
struct TableOption: ParsableArguments {
  @Flag(help: "Put ' before texts of a CSV that a spreadsheet would run as a formula.")
  var spreadsheetSafe = false

  func text(_ text: String) -> String {
    spreadsheetSafe ? CSVEncoder.spreadsheetSafe(text) : text
  }
}

/// Talk goes to stderr; stdout is for data.
func talk(_ line: String, terminator: String = "\n") {
  FileHandle.standardError.write(Data((line + terminator).utf8))
}

extension Screen {
  /// The screen behind a file descriptor: its width and colours where it is a terminal, 80 columns without where not.
  ///
  /// ASCII where the locale's character set is not UTF-8, as `LC_ALL`, `LC_CTYPE` or `LANG` say, the first that says
  /// anything; no colour with `NO_COLOR` or a dumb `TERM`.
  init(of descriptor: Int32) {
    let variables = ProcessInfo.processInfo.environment
    func value(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
    let locale = value("LC_ALL") ?? value("LC_CTYPE") ?? value("LANG") ?? "C"
    let isUTF8 = ["utf-8", "utf8"].contains { locale.lowercased().contains($0) }
    guard isatty(descriptor) == 1 else {
      self.init(isASCII: !isUTF8)
      return
    }
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    self.init(
      width: isKnown ? min(max(Int(size.ws_col), 24), 200) : 80, isASCII: !isUTF8,
      hasColour: value("NO_COLOR") == nil && value("TERM") ?? "dumb" != "dumb")
  }

  /// That of talk, and that of data.
  static let talk = Screen(of: 2)
  /// Where there is no terminal, rows are whole: who reads them cuts them.
  static let data =
    isatty(1) == 1 ? Screen(of: 1) : Screen(width: .max / 2, isASCII: Screen(of: 1).isASCII)
}

/// Shows how far a run or a training is: one line that changes on a terminal, a line now and then elsewhere.
final class ProgressPrinter {
  private let isShown: Bool
  private let unit: String
  private let isTerminal = isatty(2) == 1
  private var lastShare = -1.0
  private var isOpen = false

  init(_ options: CommonOptions, unit: String = "cells") {
    isShown = !options.quiet
    self.unit = unit
  }

  func show(_ progress: RunProgress, title: String) {
    guard isShown else { return }
    if isTerminal {
      // The last column stays free: a terminal may break the line behind it.
      let screen = Screen(width: Screen.talk.width - 1, isASCII: Screen.talk.isASCII)
      talk(
        "\r\u{1B}[K" + ProgressLine.text(progress, unit, title: title, on: screen),
        terminator: "")
      isOpen = true
    } else if progress.share - lastShare >= 0.1 || progress.finished == progress.total {
      lastShare = progress.share
      talk(ProgressLine.text(progress, unit, title: title, on: .talk))
    }
  }

  func end() {
    if isOpen { talk("") }
    isOpen = false
  }
}
