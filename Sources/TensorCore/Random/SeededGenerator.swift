// The project's one source of randomness: xoshiro256++ seeded by SplitMix64, as a value.
//
// Every draw is written out here and in SeededGenerator+Draws.swift, because the standard library's
// `random(in:)` and `shuffled(using:)` may change their algorithm between releases, and a seed must
// give the same CSV bytes for years. Not for cryptography.

/// A reproducible generator: the same seed gives the same stream on every machine and release.
///
/// The algorithm is xoshiro256++ 1.0; the four words of state come from SplitMix64, as its authors
/// recommend. The generator is a value: a copy continues independently from the same point, and
/// encoding it stores where the stream stands, so that training resumes exactly.
///
/// - Source: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS
///   47(4), 2021; xoshiro256plusplus.c and splitmix64.c at prng.di.unimi.it (public domain).
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64

  /// The generator whose state is the first four outputs of SplitMix64 started at `seed`.
  public init(seed: UInt64) {
    var splitMix = SplitMix64(state: seed)
    // SplitMix64 is a bijection of a counter, so four outputs in a row are never all zero.
    s0 = splitMix.next()
    s1 = splitMix.next()
    s2 = splitMix.next()
    s3 = splitMix.next()
  }

  /// The generator of a named stream, which depends on the bytes of `key` and on `seed` only.
  ///
  /// This is how a cell of a sweep gets randomness that does not depend on the order in which
  /// cells run: name the cell in the key ("task-vectors/en_fr/test/17"). Two keys or two seeds give
  /// unrelated streams; a key that is empty differs from `init(seed:)`.
  ///
  /// The seed handed to `init(seed:)` is `mix(mix(FNV-1a(key)) + seed)`, with 64-bit FNV-1a over the
  /// UTF-8 bytes and `mix` the output function of SplitMix64. Canonically equivalent but differently
  /// encoded keys (é as one or two scalars) are different keys.
  public init(key: String, seed: UInt64) {
    self.init(seed: SplitMix64.mix(SplitMix64.mix(fnv1a(key.utf8)) &+ seed))
  }

  /// The generator that stands at a given state, as `state` gave it; not all four words may be zero.
  package init(state: (UInt64, UInt64, UInt64, UInt64)) {
    precondition(
      state != (0, 0, 0, 0), "xoshiro256++ has no stream at the all-zero state")
    (s0, s1, s2, s3) = state
  }

  /// The four words of state; `init(state:)` continues the stream from here.
  package var state: (UInt64, UInt64, UInt64, UInt64) { (s0, s1, s2, s3) }

  /// The next 64 uniformly random bits.
  public mutating func next() -> UInt64 {
    let result = rotateLeft(s0 &+ s3, 23) &+ s0
    let shifted = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotateLeft(s3, 45)
    return result
  }
}

/// SplitMix64: a counter and a mixing function, used to spread a seed over a larger state.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Self.mix(state)
  }

  /// The bijective output function (Stafford's variant 13 of the MurmurHash3 finaliser).
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// The 64-bit FNV-1a hash of a sequence of bytes.
func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
  return hash
}

private func rotateLeft(_ value: UInt64, _ count: UInt64) -> UInt64 {
  (value << count) | (value >> (64 - count))
}
