// The field's names against TransformerLens itself (fixtures), and the aliases of the other tools.

import Foundation
import HookPoints
import Testing

@Suite struct FieldNameTests {
  /// Every activation name of TransformerLens's `get_act_name`, written as one text, means what
  /// TransformerLens says; what we do not have is refused and never something else.
  @Test func shortFormsMeanWhatTransformerLensSays() throws {
    let catalog = Catalogs.llama(layers: 12)
    let rows = try #require(
      JSONSerialization.jsonObject(with: fixture("hook-names/act_names.json")) as? [[Any]])
    #expect(rows.count > 110)
    var read = 0
    for row in rows {
      let arguments = try #require(row.first as? [Any])
      let expected = try #require(row.last as? String)
      let text = arguments.map { "\($0)" }.joined(separator: ".")
      switch Result(catching: { try catalog.resolve(text) }) {
      case .success(let names):
        #expect(names.map(\.description) == [expected], "\(text)")
        read += 1
      case .failure(let error as HookError):
        switch error {
        case .unsupported: #expect(HookName(canonical: expected) == nil, "\(text)")
        case .absent: #expect(expected == "hook_pos_embed", "\(text)")
        default: Issue.record("\(text): \(error)")
        }
      case .failure(let error): throw error
      }
    }
    #expect(read >= 95)
  }

  /// The hook points that TransformerLens fires, in its order: ours fire in the same order, and each that we
  /// do not have is refused with a reason.
  @Test(arguments: ["gpt2-tiny", "llama-gqa", "llama-mha", "llama-mqa"])
  func namesAndOrderAreTransformerLenss(model: String) throws {
    let rows = try #require(
      JSONSerialization.jsonObject(with: fixture("families/\(model)/hooks.json")) as? [[Any]])
    let names = rows.compactMap { $0.first as? String }
    let layers = names.filter { $0.hasSuffix(".hook_resid_pre") }.count
    let isGPT2 = model.hasPrefix("gpt2")
    try check(names, isGPT2 ? Catalogs.gpt2(layers: layers) : Catalogs.llama(layers: layers))
  }

  @Test func parallelBlocksFireInTransformerLenssOrder() throws {
    let fired = try JSONDecoder().decode(
      [String].self, from: fixture("hook-names/parallel_names.json"))
    var seen: Set<String> = []
    try check(fired.filter { seen.insert($0).inserted }, Catalogs.parallel())
  }

  private func check(_ names: [String], _ catalog: HookCatalog) throws {
    #expect(names.count > 20)
    var ours: [HookName] = []
    for text in names {
      switch Result(catching: { try catalog.resolve(text) }) {
      case .success(let found):
        #expect(found.map(\.description) == [text])
        ours += found
      case .failure(let error as HookError):
        guard case .unsupported(text: text, reason: _) = error else {
          Issue.record("\(text): \(error)")
          continue
        }
      case .failure(let error): throw error
      }
    }
    #expect(ours == ours.sorted())
    // Nothing that TransformerLens fires is missing from ours, and the other way round.
    let extra: Set<BlockPoint> = [.result, .rawAttnOut]
    let missing = Set(catalog.entries.map(\.name)).subtracting(ours)
    #expect(missing.allSatisfy { name in name.point.map(extra.contains) ?? false }, "\(missing)")
  }

  @Test(arguments: [
    // TransformerLens 3 and 4
    ("blocks.3.hook_in", "blocks.3.hook_resid_pre"),
    ("blocks.3.hook_out", "blocks.3.hook_resid_post"),
    ("blocks.3.ln2.hook_in", "blocks.3.hook_resid_mid"),
    ("blocks.3.attn.hook_out", "blocks.3.attn.hook_out"),
    ("blocks.3.attn.q.hook_out", "blocks.3.attn.hook_q"),
    ("blocks.3.attn.o.hook_in", "blocks.3.attn.hook_z"),
    ("blocks.3.mlp.hook_out", "blocks.3.hook_mlp_out"),
    ("blocks.3.mlp.gate.hook_out", "blocks.3.mlp.hook_pre"),
    ("blocks.3.mlp.in.hook_out", "blocks.3.mlp.hook_pre_linear"),
    ("blocks.3.mlp.out.hook_in", "blocks.3.mlp.hook_post"),
    ("embed.hook_out", "hook_embed"),
    ("ln_final.hook_in", "blocks.5.hook_resid_post"),
    // pyvene
    ("block_output.3", "blocks.3.hook_resid_post"),
    ("layer.3.comp.block_input", "blocks.3.hook_resid_pre"),
    ("attention_output.3", "blocks.3.attn.hook_out"),
    ("head_attention_value_output.3", "blocks.3.attn.hook_z"),
    ("mlp_output[3]", "blocks.3.hook_mlp_out"),
    // nnterp, interp-engine
    ("layers_output[3]", "blocks.3.hook_resid_post"),
    ("layers_output[-1]", "blocks.5.hook_resid_post"),
    ("attentions_output[0]", "blocks.0.attn.hook_out"),
    ("attention_probabilities[0]", "blocks.0.attn.hook_pattern"),
    ("token_embeddings", "hook_embed"),
    ("attn_probs.2", "blocks.2.attn.hook_pattern"),
    ("attn_out_post.2", "blocks.2.hook_attn_out"),
  ])
  func otherToolsNamesAreRead(text: String, name: String) throws {
    #expect(try Catalogs.llama().resolve(text).map(\.description) == [name])
  }

  @Test func aNameThatDependsOnTheMLPAsksTheModel() throws {
    let plain = Catalogs.gpt2()
    #expect(try plain.resolve("blocks.3.mlp.in.hook_out") == [.block(3, .mlpPre)])
    #expect(try plain.resolve("mlp_activation.3") == [.block(3, .mlpPost)])
    #expect(
      hookError { try plain.resolve("blocks.3.mlp.gate.hook_out") }
        == .unsupported(text: "blocks.3.mlp.gate.hook_out", reason: "this MLP has no gate"))
    // pyvene's is act(gate), which is not hook_post of a gated MLP.
    let refused = hookError { try Catalogs.llama().resolve("mlp_activation.3") }
    guard case .unsupported? = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
  }

  @Test func theNewStateNamesAreRead() throws {
    let hybrid = Catalogs.hybrid()
    #expect(try hybrid.resolve("blocks.1.linear_attn.hook_ssm_state") == [.block(1, .ssmState)])
    #expect(try hybrid.resolve("ssm_write.1") == [.block(1, .ssmWrite)])
  }
}
