// Linear transformers on triplets against PyTorch's predictions, task vectors and injected predictions of the same weights,
// as a stack and as the house's Transformer with an ordinary hook plan; losses and gradients with dropout and flipped signs.

import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct TripletTests {
  private struct Case {
    let stack: LinearStack
    let triplets: Triplets
    let tokens: [[[Double]]]
    let prediction: [[Double]]
    let vector, query, injected: [[Double]]?
    let maps: [[[Double]]]?
  }

  private static func matrix(_ json: JSON?) -> [[Double]]? {
    json?.arrayValue.map { $0.map { ($0.arrayValue ?? []).compactMap(\.doubleValue) } }
  }

  private static func cases() throws -> [Case] {
    let file = try JSON(contentsOf: fixture("linear-task-vectors/triplets.json"))
    let triplets = Triplets(
      dimension: try #require(file["dimension"]?.intValue),
      shots: try #require(file["shots"]?.intValue))
    return try #require(file["cases"]?.arrayValue).map { json in
      let weights = try #require(json["weights"]?.arrayValue)
      let shape = triplets.shape(layers: weights.count)
      let layers = weights.map { layer in
        StackForm.triplets.layer(
          ["a", "b", "c", "position"].reduce(into: [:]) { found, name in
            found[name] =
              layer[name]?.arrayValue?.compactMap(\.doubleValue)
              ?? layer[name]?.doubleValue.map { [$0] }
          }, shape)
      }
      return Case(
        stack: LinearStack(shape: shape, layers: layers), triplets: triplets,
        tokens: try #require(json["tokens"]?.arrayValue).map { matrix($0) ?? [] },
        prediction: try #require(matrix(json["prediction"])), vector: matrix(json["vector"]),
        query: matrix(json["query"]), injected: matrix(json["injected"]),
        maps: json["maps"]?.arrayValue?.map { matrix($0) ?? [] })
    }
  }

  private static func numbers(_ json: JSON?) -> [Double] {
    json?.arrayValue?.compactMap(\.doubleValue) ?? []
  }

  /// Token dropout and flipped signs of positions, each alone and both: the training loss and the gradients of everything
  /// that is trained, against autograd with the same masks and flips.
  @Test func dropoutAndFlipsAsPyTorchSays() throws {
    let file = try JSON(contentsOf: fixture("linear-task-vectors/triplets.json"))
    let d = try #require(file["dimension"]?.intValue)
    let triplets = Triplets(dimension: d, shots: try #require(file["shots"]?.intValue))
    let count = triplets.tokens
    for own in try #require(file["training"]?.arrayValue) {
      let layers = try #require(own["weights"]?.arrayValue)
      let shape = triplets.shape(layers: layers.count)
      var generator = SeededGenerator(seed: 0)
      var weights = StackWeights(.triplets, shape, deviation: 0, generator: &generator)
      for (layer, json) in layers.enumerated() {
        for (name, shape) in StackForm.triplets.tensors(shape) {
          weights.tensors["layers.\(layer).\(name)"] = Tensor(
            shape: shape, values: Self.numbers(json[name]))
        }
      }
      let pass = TaskVectorPass(triplets, weights.stack).whole
      let prompts = try #require(own["tokens"]?.arrayValue)
      let targets = try #require(Self.matrix(own["targets"]))
      for (lane, tokens) in prompts.enumerated() {
        pass.load(Self.matrix(tokens) ?? [], lane: lane)
      }
      // [layer][prompt][token] to [layer · token][lane].
      func places(_ json: JSON?) throws -> StackSlope {
        let slope = StackSlope(width: layers.count * count)
        for (layer, rows) in try #require(json?.arrayValue).enumerated() {
          for (lane, row) in (Self.matrix(rows) ?? []).enumerated() {
            for (token, value) in row.enumerated() {
              slope.base[layer * count + token][lane] = value
            }
          }
        }
        return slope
      }
      let (keep, signs) = try (places(own["keep"]), places(own["signs"]))
      let runs = try #require(own["runs"]?.arrayValue)
      #expect(runs.count == 3 && prompts.count == 4)
      for run in runs {
        let drops = run["drops"]?.boolValue == true
        let flips = run["flips"]?.boolValue == true
        #expect(drops || flips)
        pass.keep = drops ? keep.base : nil
        pass.signs = flips ? signs.base : nil
        pass.forward(weights.stack, tokens: count)
        let slope = StackSlope(width: triplets.width)
        let scale = 1 / Double(d * prompts.count)
        var loss = 0.0
        for column in 0..<d {
          for (lane, target) in targets.enumerated() {
            let difference = pass.output[d + column][lane] + target[column]
            loss += scale * difference * difference
            slope.base[d + column][lane] = 2 * scale * difference
          }
        }
        let expected = try #require(run["loss"]?.doubleValue)
        #expect(abs(loss / expected - 1) < 1e-12, "\(loss), expected \(expected)")
        let gradient = StackGradient(shape)
        pass.backward(weights.stack, slope: slope.base, into: gradient)
        var sums = weights.stack.layers.map { layer in
          LinearStack.Layer(
            queryKey: layer.queryKey.map { _ in 0 }, value: layer.value.map { _ in 0 },
            position: layer.position.map { $0.map { _ in 0 } })
        }
        gradient.addSums(to: &sums)
        let found = weights.gradients(sums, trained: { _ in true })
        for (layer, json) in try #require(run["gradients"]?.arrayValue).enumerated() {
          for (name, _) in StackForm.triplets.tensors(shape) {
            let own = try #require(found["layers.\(layer).\(name)"])
            let difference = Difference(own.values, Self.numbers(json[name]))
            #expect(difference.largest < 1e-11, "layer \(layer), \(name): \(difference)")
          }
        }
      }
    }
  }

  private func lanes(_ rows: [[Double]]) -> [Lanes] {
    rows[0].indices.map { column in
      var lanes = Lanes()
      for (lane, row) in rows.enumerated() { lanes[lane] = row[column] }
      return lanes
    }
  }

  private func expectNear(_ found: [Lanes], _ expected: [[Double]], _ what: String) {
    for (lane, row) in expected.enumerated() {
      for (column, value) in row.enumerated() {
        let own = found[column][lane]
        #expect(abs(own - value) < 1e-11 * max(1, abs(value)), "\(what): \(own), expected \(value)")
      }
    }
  }

  @Test func asPyTorchSays() throws {
    let cases = try Self.cases()
    #expect(cases.map(\.stack.shape.layers) == [1, 2, 3])
    for own in cases {
      let pass = TaskVectorPass(own.triplets, own.stack)
      for (lane, tokens) in own.tokens.enumerated() { pass.whole.load(tokens, lane: lane) }
      expectNear(pass.inContext(), own.prediction, "in context")
      guard let vector = own.vector, let query = own.query, let injected = own.injected else {
        #expect(pass.vector() == nil)
        continue
      }
      let found = try #require(pass.vector())
      expectNear(found, vector, "vector")
      expectNear(pass.injected(found, query: lanes(query)), injected, "injected")
      // The map that a vector leaves is autograd's, and has rank one: all that is ever written to y is along the vector's y.
      let maps = try #require(own.maps)
      for (map, expected) in zip(pass.map(found), maps) {
        let largest = try #require(expected.joined().map { abs($0) }.max())
        for (own, value) in zip(map.joined(), expected.joined()) {
          #expect(abs(own - value) < 1e-11 * largest, "map: \(own), expected \(value)")
        }
        expectRankOne(map)
      }
    }
  }

  private func expectRankOne(_ map: [[Double]]) {
    let values = WeightUpdate.singular(map).map(\.value).sorted(by: >)
    #expect(values[0] > 0 && values[1] < 1e-12 * values[0], "\(values)")
  }

  /// The rank stays one where the map is far smaller than the prediction that does not depend on x, in which differences
  /// of predictions would drown.
  @Test func tinyMapsHaveRankOne() throws {
    for own in try Self.cases().dropFirst() {
      var layers = own.stack.layers
      for index in layers.indices {
        layers[index].queryKey = layers[index].queryKey.map { 1e-15 * $0 }
      }
      let pass = TaskVectorPass(
        own.triplets, LinearStack(shape: own.stack.shape, layers: layers))
      for (lane, tokens) in own.tokens.enumerated() { pass.whole.load(tokens, lane: lane) }
      let prediction = pass.inContext()
      let vector = try #require(pass.vector())
      for (lane, map) in pass.map(vector).prefix(own.tokens.count).enumerated() {
        #expect(abs(map[0][0]) < 1e-12 * abs(prediction[0][lane]))
        expectRankOne(map)
      }
    }
  }

  /// The same through hooks: the residual after the first layer at the arrow, read from whole prompts, put into queries
  /// alone. Interventions carry f32, which is all that differs.
  @Test func asHooksSay() throws {
    let context = ComputeContext(threads: 2)
    for own in try Self.cases() {
      let (d, tokens) = (own.triplets.dimension, own.triplets.tokens)
      let house: Transformer<Double> = own.stack.transformer(on: context)
      let layers = own.stack.shape.layers
      let site = Site<Residual>.residPost(0)
      let read = try house.run(
        own.tokens.map { own.stack.sequence($0) },
        plan: HookPlan(reads: [Read(site, at: .index(own.triplets.arrow))]), stopAt: layers)
      for (lane, expected) in own.prediction.enumerated() {
        let row = read.stream.row(lane * tokens + tokens - 1)
        for column in 0..<d { #expect(abs(-row[d + column] - expected[column]) < 1e-11) }
      }
      guard let query = own.query, let injected = own.injected else { continue }
      let short = own.stack.last(3)
      let alone: Transformer<Double> = short.transformer(on: context)
      for (lane, x) in query.enumerated() {
        let vector = try read.cache.vector(site, sequence: lane, position: own.triplets.arrow)
        let zeros = Array(repeating: 0.0, count: 2 * d)
        // Behind the token stands its position, which the shorter prompt has another number of.
        let value = ActivationVector<Residual>(Array(vector.values.prefix(2 * d)) + [0, 1, 0])
        let run = try alone.run(
          [short.sequence([x + Array(zeros.prefix(d)), zeros, zeros])],
          plan: HookPlan(interventions: [.replace(site, with: value, at: .index(1))]),
          stopAt: layers)
        let row = run.stream.row(2)
        for column in 0..<d { #expect(abs(-row[d + column] - injected[lane][column]) < 1e-5) }
      }
    }
  }

  /// One gradient step of the best size on m demonstrations, by drawing.
  @Test(arguments: [1, 5]) func oneStep(demonstrations: Int) {
    let d = 4
    var generator = SeededGenerator(seed: 6)
    var (error, cross, square, wanted) = (0.0, 0.0, 0.0, 0.0)
    for _ in 0..<40_000 {
      let w = (0..<d).map { _ in generator.normal() }
      func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
      let query = (0..<d).map { _ in generator.normal() }
      var prediction = 0.0
      for _ in 0..<demonstrations {
        let x = (0..<d).map { _ in generator.normal() }
        prediction += dot(w, x) * dot(x, query)
      }
      let target = dot(w, query)
      cross += prediction * target
      square += prediction * prediction
      wanted += target * target
    }
    error = (wanted - cross * cross / square) / 40_000
    let expected = Triplets(dimension: d, shots: 1).errorOfOneStep(demonstrations: demonstrations)
    #expect(abs(error / expected - 1) < 0.03, "\(error), expected \(expected)")
  }
}
