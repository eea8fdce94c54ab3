// The pool of threads: every index once, nested and simultaneous calls, sleeping and waking.

import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct PoolTests {
  struct Context {
    let pool: OpaquePointer
    let counts: UnsafeMutablePointer<Int>
  }

  /// Runs `count` indices that each add one to their own place; returns the places.
  static func countIndices(_ pool: OpaquePointer, _ count: Int) -> [Int] {
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: count + 1)
    defer { counts.deallocate() }
    counts.initialize(repeating: 0, count: count + 1)
    ck_pool_run(
      pool, count,
      { context, index in context?.assumingMemoryBound(to: Int.self)[index] += 1 }, counts)
    return (0...count).map { counts[$0] }
  }

  @Test(arguments: [1, 2, 3, 8])
  func everyIndexIsRunOnce(_ threads: Int) throws {
    let pool = try #require(ck_pool_create(threads))
    defer { ck_pool_destroy(pool) }
    for count in [0, 1, 2, 3, 7, 64, 1000] {
      #expect(Self.countIndices(pool, count) == Array(repeating: 1, count: count) + [0])
    }
    for _ in 0..<2000 { #expect(Self.countIndices(pool, 5) == [1, 1, 1, 1, 1, 0]) }
  }

  /// A worker that wakes from the last job as the pool ends neither takes the end for work nor waits for more.
  @Test func poolsEndWhileWorkersAreLate() throws {
    for _ in 0..<20_000 {
      let pool = try #require(ck_pool_create(4))
      for _ in 0..<3 { try #require(Self.countIndices(pool, 5) == [1, 1, 1, 1, 1, 0]) }
      ck_pool_destroy(pool)
    }
  }

  @Test func workersThatSleepWakeUp() throws {
    let pool = try #require(ck_pool_create(4))
    defer { ck_pool_destroy(pool) }
    for _ in 0..<20 {
      usleep(2000)  // far beyond the time they spin
      #expect(Self.countIndices(pool, 9).reduce(0, +) == 9)
    }
  }

  @Test func aNestedCallRunsInline() throws {
    let pool = try #require(ck_pool_create(3))
    defer { ck_pool_destroy(pool) }
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: 64)
    defer { counts.deallocate() }
    counts.initialize(repeating: 0, count: 64)
    var context = Context(pool: pool, counts: counts)
    ck_pool_run(
      pool, 8,
      { raw, outer in
        guard let context = raw?.assumingMemoryBound(to: Context.self).pointee else { return }
        ck_pool_run(
          context.pool, 8,
          { place, inner in place?.assumingMemoryBound(to: Int.self)[inner] += 1 },
          context.counts + outer * 8)
      }, &context)
    #expect((0..<64).allSatisfy { counts[$0] == 1 })
  }

  @Test func callsFromSeveralThreadsTakeTurns() async throws {
    let pool = try #require(ck_pool_create(2))
    defer { ck_pool_destroy(pool) }
    nonisolated(unsafe) let shared = pool
    let sums = await withTaskGroup(of: Int.self) { group in
      for count in 1...8 {
        group.addTask {
          (0..<200).reduce(0) { sum, _ in
            sum + Self.countIndices(shared, count * 3).reduce(0, +)
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(sums == (1...8).reduce(0) { $0 + $1 * 3 * 200 })
  }

  @Test func noThreadsIsNoPool() { #expect(ck_pool_create(0) == nil) }
}
