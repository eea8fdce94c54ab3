// A run's progress as one line of text. Pure functions; when and where the line is printed is the command's
// affair.

/// Lines about a run's progress.
public enum ProgressLine {
  /// `task-vectors  ██████░░░░░░░░  37 of 96 cells  39 %  1.4 cells/s  2 min 10 s left`, in one line of
  /// the screen; in ASCII with `#` and `-` instead of blocks.
  ///
  /// - Parameters:
  ///   - progress: how far the run is.
  ///   - unit: what is counted, in the plural.
  ///   - title: what stands first.
  ///   - screen: what it is drawn on.
  public static func text(
    _ progress: RunProgress, _ unit: String = "cells", title: String, on screen: Screen = .plain
  ) -> String {
    let width = screen.width
    var facts = [
      "\(progress.finished) of \(progress.total) \(unit)", percent(progress.share),
    ]
    let now = progress.finished - progress.resumed
    if now > 0, progress.elapsed > 0 {
      facts.append(rate(Double(now) / progress.elapsed) + " \(unit)/s")
    }
    if progress.finished == progress.total {
      facts.append("done in " + duration(progress.elapsed))
    } else if let remaining = progress.remaining {
      facts.append(duration(remaining) + " left")
    }
    let text = facts.joined(separator: "  ")
    let room = width - title.count - text.count - 4
    guard room >= 5 else {
      // The title goes first, what is done next; the time left stays longest.
      var words = [title] + facts
      while words.count > 1, words.joined(separator: "  ").count > width { words.removeFirst() }
      return String(words.joined(separator: "  ").prefix(width))
    }
    let length = min(room, 24)
    let filled = Int((progress.share * Double(length)).rounded(.down))
    let bar =
      String(repeating: screen.isASCII ? "#" : "█", count: filled)
      + String(repeating: screen.isASCII ? "-" : "░", count: length - filled)
    return "\(title)  \(bar)  \(text)"
  }

  /// `42 s`, `2 min 10 s`, `3 h 5 min`, `2 d 4 h`; under ten seconds with one decimal.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "unknown time" }
    if seconds < 9.95 { return "\(decimal(max(0, seconds), 1)) s" }
    let whole = Int(seconds.rounded())
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(whole % 60) s"
    case ..<86_400: return "\(whole / 3600) h \(whole % 3600 / 60) min"
    default: return "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
    }
  }

  private static func percent(_ share: Double) -> String {
    // 100 % only when all is done.
    "\(Int((share * 100).rounded(.down))) %"
  }

  private static func rate(_ rate: Double) -> String { decimal(rate, rate < 0.095 ? 3 : 1) }

  /// A number with a fixed count of decimals, rounded half up.
  static func decimal(_ value: Double, _ places: Int) -> String {
    let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % scale)
    return "\(sign)\(scaled / scale)."
      + String(repeating: "0", count: places - fraction.count) + fraction
  }
}
