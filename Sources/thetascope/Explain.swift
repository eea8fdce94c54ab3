// thetascope explain: what a metric, condition or column means.

import ArgumentParser
import Foundation
import Probes

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what a metric, a condition or a column means.",
    discussion: """
      Without a name: a line for each there is. --markdown prints the whole dictionary, data/dictionary.md.

      Examples:
        thetascope explain sim_aou
        thetascope explain ci_low
      """)

  @Argument(help: "A name that stands in a run's tables.", completion: .explained) var name: String?
  @Flag(help: "The whole dictionary in Markdown.") var markdown = false
  @OptionGroup var talk: QuietOption

  func validate() throws {
    if markdown, name != nil {
      throw ValidationError("--markdown prints all names; leave '\(name ?? "")' out")
    }
  }

  func run() throws {
    if markdown {
      print(DataDictionary.markdown, terminator: "")
    } else if let name {
      print(try DataDictionary.entries(named: name).map { $0.text() }.joined(separator: "\n\n"))
    } else {
      printList(
        ["name", "kind", "meaning"],
        DataDictionary.all.map { [$0.name, "\($0.kind)", $0.documentation.meaning] })
    }
  }
}
