// Names print and parse, and compare in firing order.

import HookPoints
import Testing

@Suite struct HookNameTests {
  static let all: [HookName] =
    [.embed, .positionEmbed]
    + [0, 1, 7, 10, 123].flatMap { layer in BlockPoint.allCases.map { HookName.block(layer, $0) } }
    + [.finalScale, .finalNormalized]

  @Test func printingAndParsingAreInverse() {
    for name in Self.all { #expect(HookName(canonical: name.description) == name) }
    #expect(Set(Self.all.map(\.description)).count == Self.all.count)
  }

  @Test(arguments: [
    "", "hook_embed ", "blocks.3", "blocks.03.hook_resid_post", "blocks.+3.hook_resid_post",
    "blocks.-1.hook_resid_post", "blocks.*.hook_resid_post", "blocks.3.hook_out",
    "Blocks.3.hook_resid_post", "blocks.3.hook_resid_post.", "blocks..hook_resid_post",
    "blocks.99999999999999999999.hook_resid_post",
  ])
  func whatIsNotCanonicalIsNotRead(text: String) {
    #expect(HookName(canonical: text) == nil)
  }

  @Test func theOrderIsThatOfFiring() {
    // Written out in firing order already.
    #expect(Self.all.sorted() == Self.all)
    #expect(Self.all.shuffled().sorted() == Self.all)
    #expect(HookName.block(2, .residPost) < .block(10, .residPre))
    #expect(HookName.positionEmbed < .block(0, .residPre))
    #expect(!(HookName.embed < .embed))
  }

  @Test func ordinalsCountTheCases() {
    #expect(BlockPoint.allCases.map(\.ordinal) == Array(0..<BlockPoint.count))
  }

  @Test func slotsAreDenseAndAscend() {
    let names: [HookName] =
      [.embed, .positionEmbed] + (0..<3).flatMap { l in BlockPoint.allCases.map { .block(l, $0) } }
      + [.finalScale, .finalNormalized]
    #expect(names.map { $0.slot(layers: 3) } == Array(names.indices))
  }

  @Test func codableIsTheCanonicalText() throws {
    #expect(try encode([HookName.block(3, .z)]) == #"["blocks.3.attn.hook_z"]"#)
    #expect(try decode([HookName].self, #"["ln_final.hook_scale"]"#) == [.finalScale])
    #expect(
      hookError { try decode([HookName].self, #"["resid_post.3"]"#) }
        == .notCanonical(text: "resid_post.3"))
  }

  @Test func aReferenceIsANameWhereItCanBe() throws {
    #expect(HookReference("blocks.3.attn.hook_z") == .name(.block(3, .z)))
    #expect(HookReference("z.3") == .text("z.3"))
    for text in ["z.3", "blocks.*.attn.hook_z", "hook_embed"] {
      #expect(try decode([HookReference].self, "[\"\(text)\"]") == [HookReference(text)])
      #expect(try encode([HookReference(text)]) == "[\"\(text)\"]")
    }
  }
}
