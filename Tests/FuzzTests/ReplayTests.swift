// Every seed and every input that once was a finding, through its target. `make fuzz` searches for more.

import FuzzTargets
import Testing

@Suite struct ReplayTests {
  @Test(arguments: FuzzTarget.all.map(\.name)) func replay(_ name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let sandbox = try Sandbox()
    defer { sandbox.remove() }
    let check = try target.prepare(sandbox)
    let seeds = try target.seeds()
    #expect(!seeds.isEmpty)
    for (index, seed) in seeds.enumerated() {
      #expect(throws: Never.self, "seed \(index)") { try check(seed) }
    }
    for (input, bytes) in try target.regressions() {
      #expect(throws: Never.self, "\(input)") { try check(bytes) }
    }
  }
}
