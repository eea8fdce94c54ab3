// Stopwatch: how long something takes, as a median with its range.

/// Seconds of several runs of the same thing.
struct Stopwatch {
  /// Sorted.
  let seconds: [Double]

  var median: Double { seconds[seconds.count / 2] }
  var fastest: Double { seconds[0] }
  var slowest: Double { seconds[seconds.count - 1] }

  /// Runs `body` once to warm up, then at least `least` times and for at least `time`.
  init(
    atLeast least: Int = 5, for time: Duration = .milliseconds(400), _ body: () throws -> Void
  ) rethrows {
    try body()
    var found: [Double] = []
    let clock = ContinuousClock()
    let start = clock.now
    while found.count < least || (clock.now - start < time && found.count < 1000) {
      found.append(try clock.measure(body) / .seconds(1))
    }
    seconds = found.sorted()
  }
}
