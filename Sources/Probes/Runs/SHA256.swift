// SHA-256 of bytes and of files, as lower-case hexadecimal digits. The arithmetic is in CKernels.

import CKernels
import CheckpointIO

/// Computes SHA-256 digests (FIPS 180-4).
///
/// ```swift
/// let digest = SHA256.digest(of: prompt.utf8)     // 64 hexadecimal digits
/// ```
public struct SHA256: Sendable {
  private var state = ck_sha256()

  /// The digest of nothing yet.
  public init() { ck_sha256_init(&state) }

  /// Takes in more bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    if let base = bytes.baseAddress { ck_sha256_update(&state, base, bytes.count) }
  }

  /// Takes in more bytes.
  public mutating func update(_ bytes: some Collection<UInt8>) {
    let contiguous: Void? = bytes.withContiguousStorageIfAvailable {
      update(UnsafeRawBufferPointer($0))
    }
    if contiguous == nil { Array(bytes).withUnsafeBytes { update($0) } }
  }

  /// The digest of all bytes so far: 64 lower-case hexadecimal digits.
  public var digest: String {
    var state = state
    var digest = [UInt8](repeating: 0, count: 32)
    ck_sha256_final(&state, &digest)
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// What `samples.csv` says of a prompt: the digest of its text in UTF-8, without the tokens that a BOS policy adds.
  static func digest(ofPrompt text: String) -> String { digest(of: text.utf8) }

  /// The digest of `bytes`.
  public static func digest(of bytes: some Collection<UInt8>) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.digest
  }

  /// The digest and size of a file, read in pieces of 1 MB.
  ///
  /// - Throws: `CheckpointError.missing` or `.unreadable`.
  public static func digest(ofFile path: String) throws -> (digest: String, size: Int) {
    var hash = SHA256()
    var size = 0
    try SystemFile.read(path) { bytes in
      hash.update(bytes)
      size += bytes.count
    }
    return (hash.digest, size)
  }
}
