// Completion scripts: all three are made and are what their shells take; each shell that is here, asked as a person's Tab asks
// it, offers commands, options, probe files, hook points, tasks and names; bash never runs what a file is called.

import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct CompletionTests {
    let space: Workspace

    init() throws {
      space = try Workspace.prepared()
      for shell in ["bash", "zsh", "fish"] {
        let ending = try space.thetascope("--generate-completion-script", shell)
        ending.expectSuccess()
        try space.write(ending.output, to: "completions.\(shell)")
      }
    }

    private func shell(_ name: String) -> String? {
      ["/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map { "\($0)/\(name)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private func run(_ program: String, _ arguments: [String]) throws -> (
      status: Int32, text: String
    ) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = arguments
      process.currentDirectoryURL = URL(fileURLWithPath: space.path)
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func syntax(_ name: String) throws {
      let script = try space.text("completions.\(name)")
      for word in ["replay", "--max-new-tokens", "---completion extract -- --task"] {
        #expect(
          script.contains(word) || name == "fish" && script.contains(word.dropFirst(2)), "\(word)")
      }
      guard let path = shell(name) else {
        return print("skipped: syntax: there is no \(name) here")
      }
      let (status, text) = try run(path, ["-n", "completions.\(name)"])
      #expect(status == 0 && text.isEmpty, "\(text)")
    }

    /// What bash offers for a line that ends where Tab is pressed.
    private func offered(_ line: String) throws -> Set<String> { try offered(line, by: "bash") }

    /// What a shell offers for a line that ends where Tab is pressed; nothing where the shell is not there.
    private func offered(_ line: String, by name: String) throws -> Set<String> {
      guard let path = shell(name), let script = Self.asked(name, at: path) else { return [] }
      let text: String
      switch name {
      case "bash": text = try run(path, ["-c", script, Command.path, line]).text
      case "zsh": text = try run(path, ["-f", "-c", script, Command.path, line]).text
      default: text = try run("/bin/sh", ["-c", script, Command.path, line]).text
      }
      // fish puts what a word means behind a tab.
      return Set(
        text.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) })
    }

    /// How a shell is asked, given the command's path and the line: bash has the question built in; zsh is watched on a
    /// terminal of its own as it collects what it offers; fish answers on a key, on a terminal that `script` makes.
    private static func asked(_ name: String, at path: String) -> String? {
      [
        "bash": """
        set -f; source ./completions.bash; set +f
        COMP_LINE=$1; COMP_POINT=${#1}
        read -ra COMP_WORDS <<< "$1"
        case "$1" in *' ') COMP_WORDS+=('');; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMP_WORDS[0]=$0
        _thetascope thetascope "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """,
        "zsh": """
        zmodload zsh/zpty
        rm -f offered ended ready; mkdir -p functions; cp completions.zsh functions/_thetascope
        cat > watch.zsh <<'END'
        PS1= fpath=($PWD/functions $fpath)
        autoload -U compinit; compinit -u -D
        compadd() {
          local option found=()
          for option; do
            case $option in (-|--) break;; (-[OAD]*) builtin compadd "$@"; return;; esac
          done
          builtin compadd -O found "$@"
          print -rl -- $found >> offered
          builtin compadd "$@"
        }
        ended() { : > ended }
        comppostfuncs=(ended)
        : > ready
        END
        path=(${0:h} $path)
        zpty -b z zsh -f -i
        zpty -w z 'source ./watch.zsh'
        for i in {1..200}; do [[ -e ready ]] && break; sleep 0.05; done
        zpty -w -n z "$1"$'\\t'
        for i in {1..200}; do [[ -e ended ]] && break; sleep 0.05; done
        zpty -d z
        cat offered
        """,
        "fish": """
        PATH="${0%/*}:$PATH"; export PATH TERM=xterm
        rm -f offered
        cat > ask.fish <<'END'
        source ./completions.fish
        bind \\ct 'complete -C (commandline -cp) > offered; exit'
        END
        printf '%s\\024' "$1" |
          script -qec "\(path) --no-config -i -C 'source ./ask.fish'" /dev/null > /dev/null 2>&1
        cat offered
        """,
      ][name]
    }

    /// A person's Tab in each of the three: commands, options, probe files, choices, names that the command is asked for.
    @Test(arguments: ["bash", "zsh", "fish"]) func everyShellCompletes(_ name: String) throws {
      guard shell(name) != nil, name != "fish" || shell("script") != nil else {
        return print(
          "skipped: everyShellCompletes: there is no \(name) here, or no script for fish")
      }
      func offers(_ line: String) throws -> Set<String> { try offered(line, by: name) }
      #expect(try offers("thetascope re") == ["replay"])
      #expect(try offers("thetascope ").isSuperset(of: ["run", "plan", "tasks", "explain"]))
      #expect(try offers("thetascope run --sam") == ["--samples-jsonl"])
      #expect(try offers("thetascope run pro") == ["probe.yaml"])
      #expect(try offers("thetascope extract --bos al") == ["always"])
      #expect(
        try offers("thetascope capture --model models/gpt2-tiny --hook blocks.1.hook_res")
          == ["blocks.1.hook_resid_pre", "blocks.1.hook_resid_mid", "blocks.1.hook_resid_post"])
      #expect(try offers("thetascope extract --tasks tasks --task sh") == ["shout"])
      #expect(try offers("thetascope explain sim_a").isSuperset(of: ["sim_aou", "sim_am"]))
    }

    @Test func bashCompletes() throws {
      guard shell("bash") != nil else {
        return print("skipped: bashCompletes: there is no bash here")
      }
      // The folders on the way to a probe file.
      #expect(try offered("thetascope run mod") == ["models"])
      #expect(try offered("thetascope run probe.yaml --model models/g") == ["models/gpt2-tiny"])
      #expect(try offered("thetascope tokens --template h") == ["hendel"])

      // Names for which the command is asked: hook points of the model, tasks of the folder, words of the dictionary.
      #expect(
        try offered(
          "thetascope capture --model models/linear-decay --hook blocks.1.attn.hook_ssm_s"
        )
        .contains("blocks.1.attn.hook_ssm_state"))
      #expect(
        try offered("thetascope capture --model models/gpt2-tiny --hook blocks.1.attn.hook_ssm_s")
          .isEmpty)
      #expect(
        try offered("thetascope capture --hook blocks.*.hook_resid_po") == [
          "blocks.*.hook_resid_post"
        ])
      // A folder that is none is no reason for noise.
      #expect(try offered("thetascope extract --tasks nowhere --task sh").isEmpty)
    }

    /// bash expands the words that it is given to choose from.
    @Test func namesOfFilesAreNotRun() throws {
      guard shell("bash") != nil else {
        return print("skipped: namesOfFilesAreNotRun: there is no bash here")
      }
      try space.write(#"{"a": "b"}"#, to: "tasks/tiny/shy$(touch hacked).json")
      try space.write(#"{"a": "b"}"#, to: "tasks/tiny/shine.json")
      #expect(try offered("thetascope extract --tasks tasks --task sh") == ["shout", "shine"])
      #expect(!space.exists("hacked"))
    }
  }
}
