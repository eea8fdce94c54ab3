// Yardstick: what this machine can do at most, for benchmarks to be measured against.

/// The rates that a computation on a context cannot exceed.
public struct Yardstick: Sendable {
  /// Fused multiply-adds that wait for nothing; a multiplication and an addition each counted.
  public let floatingPointPerSecond: Double
  /// Reading memory in order, far beyond what caches hold.
  public let bytesPerSecond: Double

  /// Measures for about a second.
  public init(_ context: ComputeContext) {
    floatingPointPerSecond = Self.arithmetic(context)
    let kernels = Float.kernels(context.instructionSet)
    let threads = context.threads
    // A gibibyte in all: a server's last cache holds a quarter of it.
    let each = (1 << 28) / threads
    let memory = Tensor<Float>(repeating: 1, shape: [threads * each])
    bytesPerSecond = Self.best {
      context.parallel(threads) { kernels.yardstick_reading(each, memory.base + $0 * each) }
      return Double(memory.count * ElementType.float32.size)
    }
  }

  /// ``floatingPointPerSecond`` alone, which takes no memory.
  public static func arithmetic(_ context: ComputeContext) -> Double {
    let kernels = Float.kernels(context.instructionSet)
    let rounds = context.instructionSet == .portable ? 20_000 : 2_000_000
    let work = Double(context.threads) * kernels.yardstick_arithmetic(1) * Double(rounds)
    return best {
      context.parallel(context.threads) { _ in _ = kernels.yardstick_arithmetic(rounds) }
      return work
    }
  }

  private static func best(of runs: Int = 7, _ body: () -> Double) -> Double {
    (0..<runs).map { _ in
      var work = 0.0
      let elapsed = ContinuousClock().measure { work = body() }
      return work / (elapsed / .seconds(1))
    }.max() ?? 0
  }
}
