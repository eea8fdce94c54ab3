// SHA-256 against FIPS 180-4's examples and NIST's million letters, in any pieces, and of files.

import CheckpointIO
import Probes
import TensorCore
import Testing

@Suite struct SHA256Tests {
  @Test func examples() {
    #expect(
      SHA256.digest(of: "".utf8)
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      SHA256.digest(of: "abc".utf8)
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256.digest(of: "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      SHA256.digest(of: repeatElement(UInt8(ascii: "a"), count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func piecesDoNotMatter() {
    var generator = SeededGenerator(seed: 2)
    let bytes = (0..<1000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    let whole = SHA256.digest(of: bytes)
    for _ in 0..<20 {
      var hash = SHA256()
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = min(rest.count, 1 + generator.uniformInteger(below: 150))
        hash.update(rest.prefix(count))
        rest = rest.dropFirst(count)
      }
      #expect(hash.digest == whole)
      #expect(hash.digest == whole, "asking changes nothing")
    }
  }

  @Test func files() throws {
    let folder = try TemporaryFolder()
    let text = String(repeating: "theta ", count: 400_000)
    try folder.write(text, to: "file")
    let (digest, size) = try SHA256.digest(ofFile: "\(folder.path)/file")
    #expect(digest == SHA256.digest(of: text.utf8))
    #expect(size == 2_400_000)
    #expect(throws: CheckpointError.missing(file: "/no/file", fact: "there is no such file")) {
      _ = try SHA256.digest(ofFile: "/no/file")
    }
    #expect(throws: CheckpointError.self) { _ = try SHA256.digest(ofFile: folder.path) }
  }
}
