// The built command as a black box: it is started as a process, with a limit of time, and what it says is read from
// the files that its output went to. Nothing of its code is called.

import Foundation
import Testing

/// How a command ended, and what it said.
struct Ending {
  /// The exit status; for a signal its number.
  let status: Int32
  let isSignal: Bool
  /// Standard output.
  let output: String
  /// Standard error.
  let talk: String
}

/// The executable `thetascope` beside the test bundle.
enum Command {
  enum Problem: Error, CustomStringConvertible {
    case notBuilt(String)
    case tooSlow([String], seconds: Double, talk: String)

    var description: String {
      switch self {
      case .notBuilt(let path):
        "\(path) is not there; build the command before its tests: swift build -c release --build-tests"
      case .tooSlow(let arguments, let seconds, let talk):
        "thetascope \(arguments.joined(separator: " ")) did not end in \(seconds) s; it said: \(talk)"
      }
    }
  }

  /// A signal for a running command, sent once it has said or done something.
  struct Stop {
    let signal: Int32
    /// Whether the moment has come, given what standard error holds.
    let moment: (String) -> Bool
  }

  static let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appendingPathComponent("thetascope").path

  /// Runs the command to its end.
  ///
  /// - Parameters:
  ///   - folder: the working directory.
  ///   - environment: variables beside those of the test.
  ///   - limit: in seconds; generous, because a machine may be busy with other things.
  static func run(
    _ arguments: [String], in folder: String, limit: Double = 120,
    environment: [String: String] = [:], stop: Stop? = nil
  ) throws -> Ending {
    guard FileManager.default.isExecutableFile(atPath: path) else { throw Problem.notBuilt(path) }
    let talk = try Workspace()
    let (out, err) = ("\(talk.path)/out", "\(talk.path)/err")
    for file in [out, err] { try Data().write(to: URL(fileURLWithPath: file)) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    // What the machine remembers of other runs is not the test's. And under the address sanitizer, what a command holds
    // when it exits in the middle is no leak.
    process.environment = ProcessInfo.processInfo.environment
      .merging(["THETASCOPE_CACHE": "\(talk.path)/cache", "ASAN_OPTIONS": "detect_leaks=0"]) { $1 }
      .merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: out))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: err))
    // Threads that run tests may block these signals, and a process inherits what is blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    try process.run()
    let deadline = Date(timeIntervalSinceNow: limit)
    var stop = stop
    while process.isRunning {
      if let due = stop, due.moment(try talk.text("err")) {
        kill(process.processIdentifier, due.signal)
        stop = nil
      }
      guard Date() < deadline else {
        kill(process.processIdentifier, SIGKILL)
        throw Problem.tooSlow(arguments, seconds: limit, talk: try talk.text("err"))
      }
      Thread.sleep(forTimeInterval: 0.002)
    }
    return Ending(
      status: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal,
      output: try talk.text("out"), talk: try talk.text("err"))
  }
}

extension Ending {
  /// Expects a refusal: this status, nothing on stdout, and one sentence on stderr that names all of `words`.
  func expectSentence(
    _ status: Int32, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(!isSignal && self.status == status, "\(talk)", sourceLocation: sourceLocation)
    #expect(output.isEmpty, sourceLocation: sourceLocation)
    #expect(talk.hasPrefix("thetascope: "), "\(talk)", sourceLocation: sourceLocation)
    #expect(
      talk.hasSuffix("\n") && talk.filter(\.isNewline).count == 1, "more than a line: \(talk)",
      sourceLocation: sourceLocation)
    for word in words {
      #expect(
        talk.contains(word), "'\(word)' is missing in: \(talk)", sourceLocation: sourceLocation)
    }
  }

  /// Expects the argument parser's refusal: status 64, the error and the usage on stderr.
  func expectUsageError(_ word: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(!isSignal && status == 64, "\(talk)", sourceLocation: sourceLocation)
    #expect(output.isEmpty, sourceLocation: sourceLocation)
    #expect(
      talk.hasPrefix("Error: ") && talk.contains(word) && talk.contains("Usage: "), "\(talk)",
      sourceLocation: sourceLocation)
  }

  /// Expects success.
  func expectSuccess(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(!isSignal && status == 0, "\(status): \(talk)", sourceLocation: sourceLocation)
  }
}
