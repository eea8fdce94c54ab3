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
    if !quiet { talk(line) }
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

/// Shows how far a run is: one line that changes on a terminal, a line now and then elsewhere.
final class ProgressPrinter {
  private let isShown: Bool
  private let title: String
  private let isTerminal = isatty(2) == 1
  private var lastShare = -1.0
  private var isOpen = false

  init(_ options: CommonOptions, title: String) {
    isShown = !options.quiet
    self.title = title
  }

  func show(_ progress: RunProgress) {
    guard isShown else { return }
    if isTerminal {
      talk("\r\u{1B}[K" + ProgressLine.text(progress, title: title), terminator: "")
      isOpen = true
    } else if progress.share - lastShare >= 0.1 || progress.finished == progress.total {
      lastShare = progress.share
      talk(ProgressLine.text(progress, title: title))
    }
  }

  func end() {
    if isOpen { talk("") }
    isOpen = false
  }
}
