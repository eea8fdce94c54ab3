// A model that is saved and opened again is the same model, to the bit of what it was stored as.

import CheckpointIO
import Foundation
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct RoundTripTests {
  /// What the written layouts can say.
  static func architecture(_ family: String, tied: Bool) -> Architecture {
    let isLinear = family == "thetascope_linear_attn"
    var made = (isLinear ? SmallModel.linearDecay : .groupedQuery).architecture
    made.family = family
    made.tiedEmbeddings = tied
    made.maximumPositions = isLinear ? nil : 48
    if !isLinear { made.valueWidth = made.headWidth }
    let scale = 1 / Double(made.headWidth).squareRoot()
    made.attention = made.attention.map { kind in
      guard case .linear(var own) = kind else {
        return family == "llama"
          ? .softmax(scale: scale) : .momentumSoftmax(scale: scale, decay: 0.7)
      }
      own.scale = scale
      if tied { (own.featureMap, own.momentum) = (.elementwise(.eluPlusOne), 0.6) }
      return .linear(own)
    }
    return made
  }

  static func temporary<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "thetascope-saved-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  /// To nearest, ties to even.
  static func rounded(_ value: Float, _ type: ElementType) -> Float {
    switch type {
    case .bfloat16:
      Float(bitPattern: (value.bitPattern + 0x7fff + (value.bitPattern >> 16 & 1)) & 0xffff_0000)
    case .float16: Float(Float16(value))
    case .float32, .float64: value
    }
  }

  @Test(
    arguments: ["llama", "thetascope_momentum_llama", "thetascope_linear_attn"],
    [ElementType.bfloat16, .float16, .float32])
  func savedAndOpened(_ family: String, _ type: ElementType) throws {
    for tied in [false, true] {
      let model = Transformer<Float>.small(
        named: "saved", Self.architecture(family, tied: tied), on: SmallModel.context)
      var rounded: [String: Tensor<Float>] = [:]
      for parameter in model.parameters {
        rounded[parameter.name] = Tensor(
          shape: parameter.shape,
          values: parameter.tensor().values.map { Self.rounded($0, type) })
      }
      let batch = model.batch([6, 2])
      let expected = try model.replacing(rounded).run(batch, logitsAt: .all).logits
      try Self.temporary { path in
        try model.save(to: path, as: type, tokens: SpecialTokens(beginning: 1, end: nil))
        let folder = try ModelFolder(path: path)
        #expect(folder.architecture == model.architecture)
        let opened: Transformer<Float> = folder.model(on: SmallModel.context)
        #expect(bitDifference(try opened.run(batch, logitsAt: .all).logits, expected) == nil)
        for parameter in opened.parameters {
          #expect(parameter.elementType == type)
          #expect(
            bitDifference(
              parameter.tensor(), try #require(rounded[parameter.name])) == nil)
        }
        // Saved again, it is the same files.
        try Self.temporary { second in
          try opened.save(to: second, as: type, tokens: SpecialTokens(beginning: 1, end: nil))
          for file in ["config.json", "model.safetensors"] {
            #expect(
              try FileReading.readFile("\(path)/\(file)")
                == FileReading.readFile("\(second)/\(file)"))
          }
        }
      }
    }
  }

  @Test func familiesThatAreOnlyRead() throws {
    let model = SmallModel.gpt2.float
    try Self.temporary { path in
      #expect(
        sentence {
          try model.save(to: path, as: .bfloat16, tokens: SpecialTokens(beginning: nil, end: nil))
        }
          == "\(path): model_type 'gpt2' is not supported; supported are llama, "
          + "thetascope_momentum_llama, linear_attn, thetascope_linear_attn")
      let files = try FileManager.default.contentsOfDirectory(atPath: path)
      #expect(files == [])
    }
  }

  /// A layout that cannot say what the model computes is refused, before anything is written.
  @Test func modelsThatTheLayoutCannotSay() throws {
    var architecture = Self.architecture("llama", tied: true)
    architecture.attention = architecture.attention.map { _ in .softmax(scale: 0.5) }
    let model = Transformer<Float>.small(named: "odd", architecture, on: SmallModel.context)
    try Self.temporary { path in
      let said = sentence {
        try model.save(to: path, as: .float32, tokens: SpecialTokens(beginning: nil, end: nil))
      }
      #expect(
        said
          == "\(path)/config.json: the architecture is another than odd's, which is not supported; "
          + "supported: what the layout of llama can say")
      let files = try FileManager.default.contentsOfDirectory(atPath: path)
      #expect(files == [])
    }
  }
}
