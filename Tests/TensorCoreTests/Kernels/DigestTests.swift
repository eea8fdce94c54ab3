// SHA-256 against FIPS 180-4's examples and CRC-32 against zlib's check value.

import CKernels
import Testing

struct DigestTests {
  static func sha256(_ parts: [[UInt8]]) -> String {
    var state = ck_sha256()
    ck_sha256_init(&state)
    for part in parts { ck_sha256_update(&state, part, part.count) }
    var digest = [UInt8](repeating: 0, count: 32)
    ck_sha256_final(&state, &digest)
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func theStandardsExamples() {
    #expect(
      Self.sha256([Self.bytes("abc")])
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Self.sha256([])
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      Self.sha256([Self.bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")])
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      Self.sha256([[UInt8](repeating: 0x61, count: 1_000_000)])
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func theInputMayComeInPieces() {
    let message = (0..<500).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for length in [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 500] {
      let whole = Self.sha256([Array(message[0..<length])])
      for cut in Set([0, 1, 63, 64, 65, length / 2, length]) where cut <= length {
        #expect(Self.sha256([Array(message[0..<cut]), [], Array(message[cut..<length])]) == whole)
      }
    }
  }

  /// What runs where the CPU has no SHA instructions gives the same digests.
  @Test func thePlainPathAgrees() {
    var draws = Draws(1)
    for blocks in [1, 2, 5] {
      let message = (0..<blocks * 64).map { _ in UInt8(truncatingIfNeeded: draws.bits()) }
      var state = ck_sha256()
      ck_sha256_init(&state)
      var words = withUnsafeBytes(of: state.state) { Array($0.bindMemory(to: UInt32.self)) }
      ck_sha256_blocks_plain(&words, message, blocks)
      ck_sha256_update(&state, message, message.count)
      #expect(words == withUnsafeBytes(of: state.state) { Array($0.bindMemory(to: UInt32.self)) })
    }
  }

  @Test func zlibsCheckValue() {
    #expect(ck_crc32(0, Self.bytes("123456789"), 9) == 0xcbf4_3926)
    #expect(ck_crc32(0, nil, 0) == 0)
    let message = (0..<100).map { UInt8($0) }
    let whole = ck_crc32(0, message, 100)
    for cut in 0...100 {
      let first = ck_crc32(0, message, cut)
      #expect(ck_crc32(first, Array(message[cut...]), 100 - cut) == whole)
    }
  }
}
