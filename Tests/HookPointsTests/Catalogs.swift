// The catalogs that the tests of this target resolve against: one small model of each kind, written by hand.

import Foundation
import HookPoints

enum Catalogs {
  /// GPT-2's hook points: learned positions, 4 heads of 3, width 12, MLP 48.
  static func gpt2(layers: Int = 12) -> HookCatalog {
    var entries = [
      stream(.embed), stream(.positionEmbed),
    ]
    for layer in 0..<layers { entries += block(layer, heads: 4, keyValueHeads: 4) }
    return HookCatalog(
      model: "gpt2", entries: entries + final,
      absent: [
        .everyBlock(.rotQ): "its positions are learned, not rotary",
        .everyBlock(.rotK): "its positions are learned, not rotary",
        .everyBlock(.mlpPreLinear): "its MLP has no gate",
      ])
  }

  /// LLaMA's: rotary, gated, 4 heads over 2 key/value heads.
  static func llama(layers: Int = 6) -> HookCatalog {
    var entries = [stream(.embed)]
    for layer in 0..<layers {
      entries += block(layer, heads: 4, keyValueHeads: 2)
      entries += [
        tokens(layer, .rotQ, [.heads, .headWidth], [4, 3]),
        tokens(layer, .rotK, [.keyValueHeads, .headWidth], [2, 3]),
        tokens(layer, .mlpPreLinear, [.mlpWidth], [48]),
      ]
    }
    return HookCatalog(
      model: "llama", entries: entries + final,
      absent: [.only(.positionEmbed): "its positions are rotary and add nothing to the stream"])
  }

  /// Parallel blocks, as in GPT-J and NeoX.
  static func parallel(layers: Int = 2) -> HookCatalog {
    var entries = [stream(.embed)]
    for layer in 0..<layers {
      entries += block(layer, heads: 2, keyValueHeads: 2).filter { $0.name.point != .residMid }
      entries += [
        tokens(layer, .rotQ, [.heads, .headWidth], [2, 3]),
        tokens(layer, .rotK, [.keyValueHeads, .headWidth], [2, 3]),
      ]
    }
    return HookCatalog(
      model: "parallel", entries: entries + final,
      absent: [
        .everyBlock(.residMid):
          "parallel blocks have no hook_resid_mid: attention and MLP read the same input"
      ])
  }

  /// Softmax attention in layers 0 and 2, linear attention with 2 heads of 3 × 3 in layer 1.
  static func hybrid() -> HookCatalog {
    var entries = [stream(.embed)]
    for layer in 0..<3 { entries += block(layer, heads: 2, keyValueHeads: 2) }
    entries += [
      tokens(1, .phiQ, [.heads, .keyWidth], [2, 3]),
      tokens(1, .phiK, [.keyValueHeads, .keyWidth], [2, 3]),
      tokens(1, .ssmWrite, [.keyValueHeads, .keyWidth, .valueWidth], [2, 3, 3]),
      tokens(1, .ssmState, [.keyValueHeads, .keyWidth, .valueWidth], [2, 3, 3]),
      tokens(1, .normaliser, [.heads], [2]),
      HookCatalog.Entry(
        name: .block(1, .ssmStateInitial),
        axes: [.sequences, .keyValueHeads, .keyWidth, .valueWidth], widths: [2, 3, 3]),
    ]
    return HookCatalog(
      model: "hybrid", entries: entries + final,
      absent: [
        .everyBlock(.ssmState): "only linear attention has a state",
        .only(.block(2, .ssmState)): "layer 2 is softmax attention and has no state",
      ])
  }

  private static func stream(_ name: HookName) -> HookCatalog.Entry {
    HookCatalog.Entry(name: name, axes: [.tokens, .modelWidth], widths: [12])
  }

  private static func tokens(
    _ layer: Int, _ point: BlockPoint, _ axes: [Axis], _ widths: [Int]
  ) -> HookCatalog.Entry {
    HookCatalog.Entry(name: .block(layer, point), axes: [.tokens] + axes, widths: widths)
  }

  private static var final: [HookCatalog.Entry] {
    [
      HookCatalog.Entry(name: .finalScale, axes: [.tokens, .one], widths: [1]),
      stream(.finalNormalized),
    ]
  }

  /// What softmax blocks with a plain MLP have.
  private static func block(_ layer: Int, heads: Int, keyValueHeads: Int) -> [HookCatalog.Entry] {
    let streams: [BlockPoint] = [
      .residPre, .ln1Normalized, .rawAttnOut, .attnOut, .residMid, .ln2Normalized, .mlpOut,
      .residPost,
    ]
    let patterns: [BlockPoint] = [.attnScores, .pattern]
    return streams.map { stream(.block(layer, $0)) }
      + patterns.map {
        HookCatalog.Entry(
          name: .block(layer, $0), axes: [.heads, .queries, .keys], widths: [heads])
      } + [
        tokens(layer, .ln1Scale, [.one], [1]),
        tokens(layer, .q, [.heads, .headWidth], [heads, 3]),
        tokens(layer, .k, [.keyValueHeads, .headWidth], [keyValueHeads, 3]),
        tokens(layer, .v, [.keyValueHeads, .headWidth], [keyValueHeads, 3]),
        tokens(layer, .z, [.heads, .headWidth], [heads, 3]),
        tokens(layer, .result, [.heads, .modelWidth], [heads, 12]),
        tokens(layer, .ln2Scale, [.one], [1]),
        tokens(layer, .mlpPre, [.mlpWidth], [48]),
        tokens(layer, .mlpPost, [.mlpWidth], [48]),
      ]
  }
}

/// The error of a resolution that must fail, or nil if it did not.
func hookError<Value>(_ body: () throws -> Value) -> HookError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? HookError
  }
}

/// A file of Tests/Fixtures.
func fixture(_ path: String) throws -> Data {
  let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  return try Data(contentsOf: tests.appendingPathComponent("Fixtures/" + path))
}

/// A value from JSON text.
func decode<Value: Decodable>(_ type: Value.Type = Value.self, _ json: String) throws -> Value {
  try JSONDecoder().decode(type, from: Data(json.utf8))
}

/// JSON text with sorted keys.
func encode(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
