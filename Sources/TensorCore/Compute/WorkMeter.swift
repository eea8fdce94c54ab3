// WorkMeter: what a computation amounts to. A context that carries one either counts what products and attention really
// do, or is told by the models what they would do (a rehearsal). There is no global count: two contexts, two meters.

import Synchronization

/// How much arithmetic and memory something takes.
public struct Work: Sendable, Hashable {
  /// Multiplications and additions of linear maps and of attention.
  public var floatingPointOperations = 0.0
  /// Tokens that went through at least one block, each counted once a pass.
  public var tokens = 0
  /// The most bytes that activations, prefixes and changed weights held at one time; 0 where only counted.
  public var bytes = 0

  public init(floatingPointOperations: Double = 0, tokens: Int = 0, bytes: Int = 0) {
    self.floatingPointOperations = floatingPointOperations
    self.tokens = tokens
    self.bytes = bytes
  }

  /// Both, one after the other.
  public static func + (left: Work, right: Work) -> Work {
    Work(
      floatingPointOperations: left.floatingPointOperations + right.floatingPointOperations,
      tokens: left.tokens + right.tokens, bytes: max(left.bytes, right.bytes))
  }

  /// What is left of work without a part of it; bytes stay, being the most at one time.
  public static func - (left: Work, right: Work) -> Work {
    Work(
      floatingPointOperations: left.floatingPointOperations - right.floatingPointOperations,
      tokens: left.tokens - right.tokens, bytes: left.bytes)
  }
}

/// Adds up work; shared by all contexts that were given it.
public final class WorkMeter: Sendable {
  /// Whether work is counted or told.
  public enum Kind: Sendable {
    /// Counts what is computed.
    case counting
    /// Models that stand for larger ones say what those would compute; what the small ones do counts nothing.
    case rehearsing
  }

  /// Whether work is counted or told.
  public let kind: Kind
  private struct State: Sendable {
    var work = Work()
    /// Bytes that are held now.
    var held = 0
  }
  private let state = Mutex(State())

  public init(_ kind: Kind) { self.kind = kind }

  /// What has been added up so far.
  public var work: Work { state.withLock { $0.work } }

  /// Bytes that models and what they gave back hold now.
  public var heldBytes: Int { state.withLock { $0.held } }

  /// Begins anew; what is held stays held.
  public func reset() {
    state.withLock { $0.work = Work(bytes: $0.held) }
  }

  /// Adds a pass that needs `bytes` beside what is held.
  package func add(_ work: Work) {
    state.withLock {
      $0.work.floatingPointOperations += work.floatingPointOperations
      $0.work.tokens += work.tokens
      $0.work.bytes = max($0.work.bytes, $0.held + work.bytes)
    }
  }

  /// Adds arithmetic that was done.
  package func count(_ operations: Int) {
    guard kind == .counting else { return }
    state.withLock { $0.work.floatingPointOperations += Double(operations) }
  }

  fileprivate func hold(_ bytes: Int) {
    state.withLock {
      $0.held += bytes
      $0.work.bytes = max($0.work.bytes, $0.held)
    }
  }
}

/// Memory that something would hold for as long as this object lives.
package final class HeldMemory: Sendable {
  private let meter: WorkMeter
  private let bytes: Int

  package init(_ bytes: Int, in meter: WorkMeter) {
    self.meter = meter
    self.bytes = bytes
    meter.hold(bytes)
  }

  deinit { meter.hold(-bytes) }
}
