// thetascope explain: what a metric, condition or column means.

import ArgumentParser
import Foundation
import Probes

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what a metric, a condition or a column means.",
    discussion: """
      Case and underscores are of no account. Without a name: a line for each there is. --markdown prints the whole dictionary, data/dictionary.md.

      Examples:
        thetascope explain sim_aou SimAM
        thetascope explain ci_low
      """)

  @Argument(help: "Names that stand in a run's tables.", completion: .explained) var names:
    [String] =
      []
  @Flag(help: "The whole dictionary in Markdown.") var markdown = false
  @OptionGroup var talk: QuietOption

  func validate() throws {
    if markdown, let name = names.first {
      throw ValidationError("--markdown prints all names; leave '\(name)' out")
    }
  }

  func run() throws {
    if markdown {
      print(DataDictionary.markdown, terminator: "")
    } else if names.isEmpty {
      printList(
        ["name", "kind", "meaning"],
        DataDictionary.all.map {
          [$0.name, String($0.kind.prefix { $0 != " " }), $0.documentation.meaning]
        })
    } else {
      let entries = try names.flatMap(DataDictionary.entries(named:))
      print(entries.map { $0.text() }.joined(separator: "\n\n"))
    }
  }
}
