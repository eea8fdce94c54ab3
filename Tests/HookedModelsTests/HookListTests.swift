// The ordered list of hook points of every family, with their shapes, against what TransformerLens fires (hooks.json,
// made by check_transformer_lens.py and make_hook_lists.py) or, where it has no such model, against a list that was
// written down and is compared with from then on.

import CheckpointIO
import Foundation
import HookPoints
import HookedModels
import TestSupport
import Testing

@Suite struct HookListTests {
  static let lensFamilies =
    ["gpt2-tiny", "llama-mha", "llama-gqa", "llama-mqa"] + ParityTests.softmaxFamilies
    + ParityTests.yarn

  /// Every name that TransformerLens fires, in its order, with its axes and widths, but for inputs that it holds in a
  /// copy for each reader; and nothing else.
  @Test(arguments: lensFamilies) func everyNameInOrder(_ family: String) throws {
    let folder = fixture("families/\(family)")
    let architecture = try ModelFolder(path: folder).architecture
    let rows = try #require(JSON(contentsOf: "\(folder)/hooks.json").arrayValue)
    let copies = [
      "hook_tokens", "hook_attn_in", "hook_q_input", "hook_k_input", "hook_v_input", "hook_mlp_in",
      "unembed.hook_in", "unembed.hook_out",
    ]
    let expected = try rows.compactMap { row -> String? in
      let parts = try #require(row.arrayValue)
      let name = try #require(parts.first?.stringValue)
      let axes = try #require(parts[1].arrayValue).map { try #require($0.stringValue) }
      guard !copies.contains(where: { name.hasSuffix($0) }) else { return nil }
      return "\(name) [\(axes.map { Self.size($0, architecture) }.joined(separator: ", "))]"
    }
    let own = architecture.hookCatalog(model: family).entries.map { entry in
      var widths = entry.widths.makeIterator()
      let axes = entry.axes.map { axis in
        axis.isFixed ? widths.next().map { "\($0)" } ?? "?" : axis.rawValue
      }
      return "\(entry.name) [\(axes.joined(separator: ", "))]"
    }
    #expect(own == expected)
    #expect(own.count > 40)
  }

  private static func size(_ axis: String, _ architecture: Architecture) -> String {
    switch axis {
    case "pos": "tokens"
    case "query_pos": "queries"
    case "key_pos": "keys"
    case "head": "\(architecture.heads)"
    case "kv_head": "\(architecture.keyValueHeads)"
    case "d_head": "\(architecture.headWidth)"
    case "d_model": "\(architecture.modelWidth)"
    case "d_mlp": "\(architecture.mlpWidth)"
    default: axis
    }
  }

  /// No name goes unchecked: the references of the parity tests have all of them.
  @Test(arguments: ParityTests.families + ParityTests.softmaxFamilies + ParityTests.yarn)
  func everyNameHasAReference(_ family: String) throws {
    let parity = try Parity<Float>(family)
    let missing = parity.model.catalog.entries.map(\.name).filter {
      !parity.reference.names.contains("prompt0/\($0)") && $0.point != .ssmStateInitial
    }
    #expect(missing.isEmpty, "\(missing)")
  }
}
