// Golden: tables that are committed, so that a change of any exported value shows.

import Foundation
import TestSupport
import Testing

/// Compares a table with the one that is committed under Tests/Fixtures/command; with RECORD=1 it writes it anew and the
/// test fails, so that nobody takes a recording for a comparison.
func expectGolden(_ found: Data, _ name: String) throws {
  let golden = fixture("command/\(name)")
  if ProcessInfo.processInfo.environment["RECORD"] == "1" {
    try found.write(to: URL(fileURLWithPath: golden))
    Issue.record("\(golden) was recorded anew; look at the difference, then test without RECORD")
    return
  }
  let expected = try Data(contentsOf: URL(fileURLWithPath: golden))
  guard found != expected else { return }
  func lines(_ table: Data) -> [Substring] {
    String(decoding: table, as: UTF8.self).split(separator: "\n")
  }
  let (own, recorded) = (lines(found), lines(expected))
  let first = zip(own, recorded).enumerated().first { $1.0 != $1.1 }
  Issue.record(
    """
    \(name) is not as recorded: \(own.count) lines, expected \(recorded.count); first difference \
    in line \((first?.offset).map { "\($0 + 1)" } ?? "beyond the shorter one")
    \(first?.element.0 ?? "")
    \(first?.element.1 ?? "")
    RECORD=1 records it anew; the changelog's Numbers says why.
    """)
}

/// Compares what a run of a shipped probe shows of its results, between the last line of progress and the paths of its files.
func expectGoldenSummary(_ ending: Ending, _ out: String, _ probe: String) throws {
  let talk = ending.talk.split(separator: "\n", omittingEmptySubsequences: false)
  let begin = try #require(talk.lastIndex { $0.contains("  done in ") })
  let end = try #require(talk.firstIndex { $0.hasPrefix(out) })
  let shown = talk[(begin + 1)..<(end - 1)]
  for line in shown { #expect(line.count <= 80, "\(line)") }
  try expectGolden(Data((shown.joined(separator: "\n") + "\n").utf8), "summaries/\(probe).txt")
}
