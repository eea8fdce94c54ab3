// ComputeContext: what arithmetic runs on (instruction set, threads), passed down as a value. There is no
// global setting, so two contexts can be compared within one process. Neither of the two changes a bit of any result;
// a context's precision does.

import CKernels

/// An instruction set that kernels are written for.
public enum InstructionSet: String, Sendable, CaseIterable, Codable {
  case portable, avx2, avx512, neon

  package var code: ck_isa {
    switch self {
    case .portable: CK_PORTABLE
    case .avx2: CK_AVX2
    case .avx512: CK_AVX512
    case .neon: CK_NEON
    }
  }

  /// Whether this CPU can run it.
  public var isAvailable: Bool { ck_isa_available(code) }

  /// The fastest that this CPU can run.
  public static var best: InstructionSet {
    allCases.first { $0.code == ck_best_isa() } ?? .portable
  }
}

/// What matrix products without gradients multiply; sums, attention and everything else is f32 either way.
public enum Precision: String, Sendable, CaseIterable, Codable {
  case f32
  /// Weights and activations rounded to bf16: about twice as fast, and exempt from equality across instruction sets.
  case bf16

  /// Whether this CPU has the instructions.
  public var isAvailable: Bool { self == .f32 || ck_bf16_available() }
}

/// The instruction set and the threads that a computation uses, the precision of its products, and what counts them.
public struct ComputeContext: Sendable {
  /// What kernels run; no bit of an f32 result depends on it.
  public let instructionSet: InstructionSet
  /// At least 1, the caller's included; no bit of a result depends on it.
  public let threads: Int
  /// What products multiply.
  public let precision: Precision
  /// What is told of every product; nil for nobody.
  public private(set) var meter: WorkMeter?
  /// How many bytes the activations of a batch may take, for those who cut work into batches; nil for what is fastest.
  public private(set) var batchBytes: Int?
  private let pool: ThreadPool

  /// - Parameters:
  ///   - threads: at least 1; the caller's thread is one of them.
  ///   - instructionSet: one that this CPU has.
  ///   - precision: what products multiply; bf16 only where the CPU has the instructions.
  public init(
    threads: Int, instructionSet: InstructionSet = .best, precision: Precision = .f32
  ) {
    precondition(threads >= 1, "a context needs at least one thread, not \(threads)")
    precondition(instructionSet.isAvailable, "this CPU has no \(instructionSet)")
    precondition(precision.isAvailable, "this CPU has no bf16 products")
    self.instructionSet = instructionSet
    self.threads = threads
    self.precision = precision
    pool = ThreadPool(threads: threads)
    ck_keep_freed_memory()
  }

  /// The same context with a meter.
  public func metered(by meter: WorkMeter) -> ComputeContext {
    var context = self
    context.meter = meter
    return context
  }

  /// The same context with batches cut to so many bytes.
  public func cuttingBatches(to bytes: Int?) -> ComputeContext {
    var context = self
    context.batchBytes = bytes
    return context
  }

  /// The meter of a rehearsal: models are made small, and say what they stand for.
  public var rehearsal: WorkMeter? { meter?.kind == .rehearsing ? meter : nil }

  /// Calls `body` once for each index; on all threads when there is more than one index.
  package func parallel(_ count: Int, _ body: (Int) -> Void) {
    if count <= 1 || threads == 1 {
      for index in 0..<max(0, count) { body(index) }
    } else {
      pool.run(count, body)
    }
  }

  /// What `transform` makes of each item, on all threads.
  package func map<Item, Result>(_ items: [Item], _ transform: (Item) -> Result) -> [Result] {
    [Result](unsafeUninitializedCapacity: items.count) { results, count in
      guard let base = results.baseAddress else { return }
      parallel(items.count) { (base + $0).initialize(to: transform(items[$0])) }
      count = items.count
    }
  }

  /// Calls `body` with ranges that cover `0..<count`; in one piece when `cost` (about one nanosecond
  /// a unit) says that waking a thread would cost more than it saves.
  package func parallelRanges(_ count: Int, cost: Int, _ body: (Range<Int>) -> Void) {
    guard count > 0 else { return }
    let pieces = cost < 30_000 ? 1 : min(count, threads)
    parallel(pieces) { piece in
      body(count * piece / pieces..<count * (piece + 1) / pieces)
    }
  }
}

/// Worker threads that live as long as the contexts that share them.
final class ThreadPool: @unchecked Sendable {
  private let pool: OpaquePointer?

  init(threads: Int) { pool = threads > 1 ? ck_pool_create(threads) : nil }

  deinit { if let pool { ck_pool_destroy(pool) } }

  func run(_ count: Int, _ body: (Int) -> Void) {
    guard let pool else {
      for index in 0..<count { body(index) }
      return
    }
    withoutActuallyEscaping(body) { escapable in
      withUnsafePointer(to: escapable) { pointer in
        ck_pool_run(
          pool, count,
          { context, index in
            context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(index)
          }, UnsafeMutableRawPointer(mutating: pointer))
      }
    }
  }
}
