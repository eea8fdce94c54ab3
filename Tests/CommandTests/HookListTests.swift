// `thetascope hooks` word for word: names, shapes and what each point is, where no other library has the model.

import Foundation
import TestSupport
import Testing

@Suite struct HookListTests {
  @Test(arguments: [
    "gla-window", "deltanet-hybrid", "retnet-tiny", "linear-fla", "linear-decay", "gemma3-tiny",
    "linear-momentum",
  ])
  func hooksAreListed(_ family: String) throws {
    let space = try Workspace()
    let listed = try space.thetascope("hooks", "--model", fixture("families/\(family)"))
    listed.expectSuccess()
    #expect(listed.talk.isEmpty)
    try expectGolden(Data(listed.output.utf8), "hooks/\(family).txt")
  }
}
