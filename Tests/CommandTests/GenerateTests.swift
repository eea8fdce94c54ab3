// `thetascope generate`: the text, and nothing else, on stdout.

import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct GenerateTests {
    @Test(arguments: ["gpt2-tiny", "linear-decay"]) func onlyTheText(_ model: String) throws {
      let space = try Workspace.prepared()
      func generate(_ more: String...) throws -> Ending {
        try Command.run(
          ["generate", "--model", "models/\(model)", "--prompt", "one->", "--quiet"] + more,
          in: space.path)
      }
      let ten = try generate("--max-new-tokens", "10", "--threads", "1")
      ten.expectSuccess()
      #expect(ten.talk.isEmpty)
      #expect(ten.output.hasPrefix("one -> ") && ten.output.hasSuffix("\n"))
      #expect(try generate("--max-new-tokens", "10", "--threads", "2").output == ten.output)
      // Greedy: fewer tokens are the beginning of more.
      let five = try generate("--max-new-tokens", "5")
      #expect(ten.output.hasPrefix(five.output.dropLast()) && five.output.count < ten.output.count)
      #expect(try generate("--max-new-tokens", "0").output == "one ->\n")
    }

    /// Byte for byte but for a trailing newline; the empty prompt is the BOS token alone.
    @Test func stories() throws {
      guard let folder = realMaterial("models/stories260K", for: "stories") else { return }
      let ending = try Command.run(
        [
          "generate", "--model", "\(folder)/hf", "--prompt", "", "--max-new-tokens", "200",
          "--quiet",
        ], in: packageFolder)
      ending.expectSuccess()
      #expect(ending.talk.isEmpty)
      let expected = String(
        decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/expected_greedy_200.txt")),
        as: UTF8.self)
      #expect(ending.output.trimmingNewlineAtEnd == expected.trimmingNewlineAtEnd)
    }

    /// Every subcommand explains itself, and the version is one line on stdout.
    @Test func helpAndVersion() throws {
      for command in ["run", "train", "generate"] {
        let help = try Command.run([command, "--help"], in: packageFolder)
        help.expectSuccess()
        #expect(help.output.contains("USAGE: thetascope \(command)") && help.talk.isEmpty)
      }
      let version = try Command.run(["--version"], in: packageFolder)
      version.expectSuccess()
      #expect(version.output.split(separator: ".").count == 3 && version.talk.isEmpty)
      try Command.run(["rum"], in: packageFolder).expectUsageError("rum")
    }
  }
}

extension String {
  fileprivate var trimmingNewlineAtEnd: String { hasSuffix("\n") ? String(dropLast()) : self }
}
