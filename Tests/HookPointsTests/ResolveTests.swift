// Text to names: layers, wildcards, and the three ways to be wrong (unknown, absent, not a hook point).

import HookPoints
import Testing

@Suite struct ResolveTests {
  let gpt2 = Catalogs.gpt2()

  @Test func everyNameOfTheModelMeansItself() throws {
    for catalog in [gpt2, Catalogs.llama(), Catalogs.parallel(), Catalogs.hybrid()] {
      for entry in catalog.entries {
        #expect(try catalog.resolve(entry.name.description) == [entry.name])
      }
    }
  }

  @Test(arguments: [
    ("blocks.*.hook_resid_post", Array(0..<12)),
    ("blocks.2-5.hook_resid_post", [2, 3, 4, 5]),
    ("blocks.-1.hook_resid_post", [11]),
    ("blocks.-12.hook_resid_post", [0]),
    ("blocks.-3--1.hook_resid_post", [9, 10, 11]),
    ("blocks.9--1.hook_resid_post", [9, 10, 11]),
    ("blocks.4-4.hook_resid_post", [4]),
    ("resid_post.*", Array(0..<12)),
    ("resid_post.0-1", [0, 1]),
    ("resid_post.-1", [11]),
    ("resid_post[2-3]", [2, 3]),
  ])
  func layersAreNumbersRangesAndWildcards(text: String, layers: [Int]) throws {
    #expect(try gpt2.resolve(text) == layers.map { .block($0, .residPost) })
  }

  @Test(arguments: [
    // (what was typed, what was meant); the first group are the peers' trackers' cases.
    ("blocks.3.hook_resid_pst", "blocks.3.hook_resid_post"),
    ("blocks.3.resid_post", "blocks.3.hook_resid_post"),
    ("block.3.hook_resid_post", "blocks.3.hook_resid_post"),
    ("blocks.3.hook_mlp_outt", "blocks.3.hook_mlp_out"),
    ("blocks.3.attn.hook_zz", "blocks.3.attn.hook_z"),
    ("blocks.3.attn.z", "blocks.3.attn.hook_z"),
    ("blocks.3.attn.hook_atn_scores", "blocks.3.attn.hook_attn_scores"),
    ("blocks.3.attn.hook_patern", "blocks.3.attn.hook_pattern"),
    ("blocks.3.ln1.hook_normalised", "blocks.3.ln1.hook_normalized"),
    ("blocks.*.hook_resid_psot", "blocks.*.hook_resid_post"),
    ("blocks.-1.mlp.hook_pots", "blocks.-1.mlp.hook_post"),
    ("resid_psot.10", "resid_post.10"),
    ("layers_outputs[3]", "layers_output[3]"),
    ("hook_embd", "hook_embed"),
    ("hook_atn_out", "blocks.0.hook_attn_out"),
    ("model.layers[2].output", "blocks.2.hook_resid_post"),
    ("model.layers[2]", "blocks.2.hook_resid_post"),
    ("transformer.h[2].mlp.output", "blocks.2.hook_mlp_out"),
    ("hook_resid_post", "blocks.0.hook_resid_post"),
    ("ln1.hook_scale", "blocks.0.ln1.hook_scale"),
    ("layer.3.comp.mlp_output.unit.pos.nunit.1#0", "layer.3.comp.mlp_output"),
    ("ln_final.hook_normalised", "ln_final.hook_normalized"),
  ])
  func anUnknownNameComesWithTheNearest(text: String, nearest: String) {
    let error = hookError { try gpt2.resolve(text) }
    #expect(error == .unknownName(text: text, model: "gpt2", nearest: nearest))
    if let sentence = error?.description {
      #expect(sentence.contains(text) && sentence.contains("gpt2"))
      #expect(sentence.contains("'\(nearest)'"))
    }
  }

  @Test func theNearestNameIsAlwaysAName() throws {
    let words = [
      "", ".", "blocks", "blocks.", "blocks.3", "blocks.3.", "blocks.x.hook_z", "🐟", "q7z",
    ]
    for text in words {
      guard case .unknownName(_, _, let nearest)? = hookError({ try gpt2.resolve(text) }) else {
        Issue.record("'\(text)' is read, or fails otherwise")
        continue
      }
      #expect(try !gpt2.resolve(nearest).isEmpty, "'\(text)' → '\(nearest)'")
    }
  }

  /// Seeded slips of the pen in valid names: whatever comes out is read or refused in one sentence, and the
  /// name that is proposed exists.
  @Test func mutatedNamesAreReadOrRefusedWithANameThatExists() throws {
    let catalog = Catalogs.gpt2(layers: 2)
    let names =
      catalog.entries.map(\.name.description) + ["resid_post.1", "k1", "scale1ln2", "z[-1]"]
    let letters = Array("abhklmnopqrstz_.*-[]0129")
    var state: UInt64 = 2024
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var proposed = 0
    for round in 0..<600 {
      var text = Array(names[draw(names.count)])
      for _ in 0...(round % 3) where !text.isEmpty {
        let place = draw(text.count)
        switch draw(3) {
        case 0: text.remove(at: place)
        case 1: text.insert(letters[draw(letters.count)], at: place)
        default: text[place] = letters[draw(letters.count)]
        }
      }
      let written = String(text)
      do {
        #expect(try !catalog.resolve(written).isEmpty)
      } catch let error as HookError {
        #expect(error.description.hasPrefix(written))
        guard case .unknownName(_, _, let nearest) = error else { continue }
        proposed += 1
        #expect(try !catalog.resolve(nearest).isEmpty, "'\(written)' → '\(nearest)'")
      }
    }
    #expect(proposed > 300)
  }

  @Test(arguments: [
    ("blocks.12.hook_resid_post", 12), ("blocks.-13.hook_resid_post", -13), ("resid_post.40", 40),
    ("blocks.10-12.attn.hook_z", 12), ("k99", 99), ("blocks.12.hook_mlp_in", 12),
  ])
  func aLayerOutOfRangeNamesModelAndCount(text: String, layer: Int) {
    let error = hookError { try gpt2.resolve(text) }
    #expect(error == .layerOutOfRange(text: text, layer: layer, layers: 12, model: "gpt2"))
    #expect(error?.description.contains("gpt2 has 12 layers, 0 to 11") == true)
  }

  @Test func aRangeThatRunsBackwardsIsRefused() {
    #expect(
      hookError { try gpt2.resolve("z.5-2") } == .malformedRange(text: "z.5-2", range: "5-2"))
  }

  @Test func whatTheArchitectureLacksIsRefusedWithTheReason() {
    #expect(
      hookError { try Catalogs.parallel().resolve("blocks.1.hook_resid_mid") }
        == .absent(
          name: "blocks.1.hook_resid_mid", model: "parallel",
          reason: "parallel blocks have no hook_resid_mid: attention and MLP read the same input"))
    // By another name, and for all layers.
    #expect(
      hookError { try Catalogs.parallel().resolve("blocks.1.ln2.hook_in") }?.description
        .contains("blocks.1.hook_resid_mid") == true)
    #expect(
      hookError { try Catalogs.parallel().resolve("resid_mid.*") }
        == .absent(
          name: "resid_mid.*", model: "parallel",
          reason: "parallel blocks have no hook_resid_mid: attention and MLP read the same input"))
    #expect(
      hookError { try Catalogs.llama().resolve("hook_pos_embed") }
        == .absent(
          name: "hook_pos_embed", model: "llama",
          reason: "its positions are rotary and add nothing to the stream"))
    // No reason given: still a refusal.
    guard case .absent? = hookError({ try gpt2.resolve("blocks.0.attn.hook_phi_q") }) else {
      Issue.record("hook_phi_q of GPT-2")
      return
    }
  }

  @Test func aWildcardTakesTheLayersThatHaveThePointAndARangeNeedsAll() throws {
    let hybrid = Catalogs.hybrid()
    #expect(try hybrid.resolve("blocks.*.attn.hook_ssm_state") == [.block(1, .ssmState)])
    #expect(
      hookError { try hybrid.resolve("blocks.1-2.attn.hook_ssm_state") }
        == .absent(
          name: "blocks.1-2.attn.hook_ssm_state (blocks.2.attn.hook_ssm_state)", model: "hybrid",
          reason: "layer 2 is softmax attention and has no state"))
    #expect(
      hookError { try hybrid.resolve("ssm_state.0") }
        == .absent(
          name: "ssm_state.0 (blocks.0.attn.hook_ssm_state)", model: "hybrid",
          reason: "only linear attention has a state"))
  }

  @Test(arguments: [
    ("blocks.3.hook_mlp_in", "hook_resid_mid"),
    ("blocks.3.hook_attn_in", "hook_resid_pre"),
    ("blocks.3.hook_q_input", "attn.hook_q"),
    ("blocks.3.hook_k_input", "attn.hook_k"),
    ("blocks.3.hook_v_input", "attn.hook_v"),
    ("blocks.*.hook_v_input", "attn.hook_v"),
    ("mlp_in.3", "hook_resid_mid"),
    ("blocks.3.mlp.hook_mid", "mlp.hook_post"),
    ("blocks.3.ln1.hook_out", "ln1.hook_normalized"),
    ("attention_input.3", "ln1.hook_normalized"),
    ("unembed.hook_out", "position"),
    ("hook_tokens", "given to a run"),
    ("blocks.3.attn.hook_z_grad", "tape"),
  ])
  func gatedAndForeignNamesAreRefusedWithWhatToUse(text: String, instead: String) {
    guard case .unsupported(text, let reason)? = hookError({ try gpt2.resolve(text) }) else {
      Issue.record("\(text) is not refused")
      return
    }
    #expect(reason.contains(instead), "\(reason)")
  }

  @Test func aShortFormNeedsItsLayerAndItsNorm() {
    #expect(hookError { try gpt2.resolve("resid_post") } == .needsLayer(text: "resid_post"))
    #expect(hookError { try gpt2.resolve("scale4") } == .needsNorm(text: "scale4"))
    // A layer type that contradicts the word is not ignored.
    guard case .unknownName? = hookError({ try gpt2.resolve("pattern2m") }) else {
      Issue.record("pattern2m is read")
      return
    }
  }

  @Test func aModelWithoutBlocksSaysSo() {
    let empty = HookCatalog(
      model: "empty",
      entries: [HookCatalog.Entry(name: .embed, axes: [.tokens, .modelWidth], widths: [4])])
    #expect(
      hookError { try empty.resolve("blocks.*.hook_resid_post") }?.description
        == "blocks.*.hook_resid_post: empty has no blocks")
    #expect(hookError { try empty.resolve("blocks.0.hook_zz") } != nil)
  }

  @Test(arguments: [
    ("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("psot", "post", 1),
    ("ab", "ba", 1), ("a", "b", 1), ("hook", "hok", 1), ("Hook", "hOOK", 0),
  ])
  func editDistancesByHand(left: String, right: String, distance: Int) {
    #expect(editDistance(left, right) == distance)
    #expect(editDistance(right, left) == distance)
  }

  @Test(arguments: [
    ("upeer", "upper"), ("UPPER", "upper"), ("resid_post", "hook_resid_post"), ("abcdef", nil),
    ("", nil),
    (String(repeating: "upper", count: 100), nil),
  ])
  func nearNames(text: String, near: String?) {
    #expect(
      nearName(to: text, among: ["lower", "upper", "hook_resid_pre", "hook_resid_post"]) == near)
    #expect(nearName(to: text, among: []) == nil)
  }

  @Test func entriesKnowTheirRows() throws {
    let hybrid = Catalogs.hybrid()
    let state = try hybrid.entry(.block(1, .ssmState))
    #expect(state.rowKind == .token && state.heads == 2)
    #expect(state.width == 18 && state.headWidth == 9)
    let pattern = try hybrid.entry(.block(0, .pattern))
    #expect(pattern.rowKind == .query && pattern.heads == 2 && pattern.headWidth == nil)
    let initial = try hybrid.entry(.block(1, .ssmStateInitial))
    #expect(initial.rowKind == .sequence)
    #expect(try hybrid.entry(.finalScale).heads == nil)
    #expect(try hybrid.entry(.finalScale).headWidth == 1)
    #expect(
      try Catalogs.llama().entry(.block(0, .k)).description
        == "blocks.0.attn.hook_k [tokens, keyValueHeads=2, headWidth=3]")
  }
}
