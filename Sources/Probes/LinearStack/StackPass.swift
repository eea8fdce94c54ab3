// StackPass: the forward and backward pass of a LinearStack over eight prompts side by side, one in each lane. Attention
// is linear, so a layer needs no matrix of scores: all tokens read the same second moment of the keys.

import TensorCore

/// Eight prompts of one length going through a stack. Used by one thread at a time.
package final class StackPass {
  package let shape: StackShape
  package let most: Int
  /// The tokens of the prompts being run.
  package private(set) var tokens = 0
  private let memory: UnsafeMutablePointer<Lanes>
  private let streams: UnsafeMutablePointer<Lanes>
  private let kept: UnsafeMutablePointer<Lanes>
  private let moments, mixing, values: UnsafeMutablePointer<Lanes>
  private let flow, flowBack, valueFlow: UnsafeMutablePointer<Lanes>
  private let squares: UnsafeMutablePointer<Lanes>
  private let whole: Int
  /// Whether each token takes part in each layer, `[L, T]`, 1 or 0 in each lane; all of them where it is nil.
  package var keep: UnsafeMutablePointer<Lanes>?
  /// A sign for each position in each layer, `[L, T]`: the weight of positions i and j counts times both signs.
  package var signs: UnsafeMutablePointer<Lanes>?

  /// - Parameter tokens: the most tokens of a prompt.
  package init(_ shape: StackShape, tokens: Int) {
    self.shape = shape
    most = tokens
    let (stream, square) = (tokens * shape.width, shape.width * shape.width)
    whole =
      (shape.layers + 1) * stream + 2 * shape.layers * stream + 2 * shape.layers * square + 3
      * stream + 5 * square
    memory = .allocate(capacity: whole)
    memory.initialize(repeating: Lanes(), count: whole)
    streams = memory
    kept = streams + (shape.layers + 1) * stream
    values = kept + shape.layers * stream
    moments = values + shape.layers * stream
    mixing = moments + shape.layers * square
    flow = mixing + shape.layers * square
    flowBack = flow + stream
    valueFlow = flowBack + stream
    squares = valueFlow + stream
  }

  deinit { memory.deallocate() }

  /// The tokens, `[T, D]`: what `forward` reads.
  package var input: UnsafeMutablePointer<Lanes> { streams }
  /// The query's token after the last layer, `[D]`.
  package var output: UnsafeMutablePointer<Lanes> {
    stream(shape.layers) + (tokens - 1) * shape.width
  }
  /// After `backward`: the gradient at a token before the first layer, `[D]`; without a number at the last.
  package func inputGradient(at token: Int? = nil) -> UnsafeMutablePointer<Lanes> {
    flow + (token ?? tokens - 1) * shape.width
  }

  /// The stream before a layer, `[T, D]`; after the last layer only the query's token is there.
  package func stream(_ layer: Int) -> UnsafeMutablePointer<Lanes> {
    streams + layer * most * shape.width
  }

  private func rows(_ layer: Int) -> Range<Int> {
    layer == shape.layers - 1 ? tokens - 1..<tokens : 0..<tokens
  }

  /// Runs the prompts in `input`.
  ///
  /// - Parameter first: the layer to begin with, whose stream is then read.
  package func forward(_ stack: LinearStack, tokens: Int, from first: Int = 0) {
    self.tokens = tokens
    for layer in first..<shape.layers { forward(stack.layers[layer], layer) }
  }

  private func forward(_ weights: LinearStack.Layer, _ layer: Int) {
    let (width, keys) = (shape.width, shape.keys(of: tokens))
    let factor = shape.factor(of: tokens)
    let (z, next) = (stream(layer), stream(layer + 1))
    let used = kept + layer * most * width
    for token in 0..<tokens {
      for column in 0..<width {
        let value = z[token * width + column]
        used[token * width + column] = keep.map { value * $0[layer * most + token] } ?? value
      }
    }
    let moment = moments + layer * width * width
    moment.update(repeating: Lanes(), count: width * width)
    for key in 0..<keys {
      let own = used + key * width
      for row in 0..<width {
        let left = own[row]
        for column in row..<width { moment[row * width + column] += left * own[column] }
      }
    }
    for row in 1..<width {
      for column in 0..<row { moment[row * width + column] = moment[column * width + row] }
    }
    let mix = mixing + layer * width * width
    mix.update(repeating: Lanes(), count: width * width)
    for head in 0..<shape.heads {
      weights.queryKey.withUnsafeBufferPointer { queryKey in
        weights.value.withUnsafeBufferPointer { value in
          let at = head * width * width
          for row in 0..<width {
            let read = squares
            read.update(repeating: Lanes(), count: width)
            for inner in 0..<width where value[at + row * width + inner] != 0 {
              let v = value[at + row * width + inner]
              for column in 0..<width { read[column] += v * moment[inner * width + column] }
            }
            for column in 0..<width {
              var sum = Lanes()
              for inner in 0..<width where queryKey[at + column * width + inner] != 0 {
                sum += queryKey[at + column * width + inner] * read[inner]
              }
              mix[row * width + column] += factor * sum
            }
          }
        }
      }
    }
    for row in rows(layer) {
      let (own, target) = (used + row * width, next + row * width)
      for column in 0..<width {
        var sum = z[row * width + column]
        for inner in 0..<width { sum += mix[column * width + inner] * own[inner] }
        target[column] = sum
      }
    }
    guard let position = weights.position else { return }
    let read = values + layer * most * width
    weights.value.withUnsafeBufferPointer { value in
      for key in 0..<keys {
        for column in 0..<width {
          var sum = Lanes()
          for inner in 0..<width where value[column * width + inner] != 0 {
            sum += value[column * width + inner] * used[key * width + inner]
          }
          read[key * width + column] = signed(sum, layer, key)
        }
      }
    }
    let mixed = squares
    position.withUnsafeBufferPointer { position in
      for row in rows(layer) {
        mixed.update(repeating: Lanes(), count: width)
        for key in 0..<keys {
          let weight = factor * position[row * tokens + key]
          for column in 0..<width { mixed[column] += weight * read[key * width + column] }
        }
        for column in 0..<width {
          next[row * width + column] += signed(mixed[column], layer, row)
        }
      }
    }
  }

  private func signed(_ value: Lanes, _ layer: Int, _ token: Int) -> Lanes {
    signs.map { value * $0[layer * most + token] } ?? value
  }

  /// Adds the gradient of a loss whose slope at the query's last token is given.
  ///
  /// - Parameters:
  ///   - slope: `[D]`.
  ///   - gradient: where the weights' gradients go; nil for none.
  ///   - replaced: a token whose stream before a layer was put in by hand: nothing flows back from there.
  package func backward(
    _ stack: LinearStack, slope: UnsafePointer<Lanes>, into gradient: StackGradient?,
    replaced: (layer: Int, token: Int)? = nil
  ) {
    let width = shape.width
    flow.update(repeating: Lanes(), count: tokens * width)
    for column in 0..<width { flow[(tokens - 1) * width + column] = slope[column] }
    for layer in (0..<shape.layers).reversed() {
      backward(stack.layers[layer], layer, gradient?.layers[layer])
      if let replaced, replaced.layer == layer {
        (flow + replaced.token * width).update(repeating: Lanes(), count: width)
      }
    }
  }

  private func backward(
    _ weights: LinearStack.Layer, _ layer: Int, _ gradient: StackGradient.Layer?
  ) {
    let (width, keys) = (shape.width, shape.keys(of: tokens))
    let factor = shape.factor(of: tokens)
    let used = kept + layer * most * width
    let (moment, mix) = (moments + layer * width * width, mixing + layer * width * width)
    let mixFlow = squares
    let (left, right, momentFlow) = (
      squares + width * width, squares + 2 * width * width, squares + 3 * width * width
    )
    mixFlow.update(repeating: Lanes(), count: width * width)
    momentFlow.update(repeating: Lanes(), count: width * width)
    flowBack.update(repeating: Lanes(), count: tokens * width)
    for row in rows(layer) {
      let (arrived, own, target) = (flow + row * width, used + row * width, flowBack + row * width)
      for column in 0..<width {
        let slope = arrived[column]
        for inner in 0..<width {
          mixFlow[column * width + inner] += slope * own[inner]
          target[inner] += slope * mix[column * width + inner]
        }
      }
    }
    for head in 0..<shape.heads {
      let at = head * width * width
      // left = V M, right = Q M, momentFlow += Vᵀ dA Q.
      weights.queryKey.withUnsafeBufferPointer { queryKey in
        weights.value.withUnsafeBufferPointer { value in
          for row in 0..<width {
            for column in 0..<width {
              var (v, q) = (Lanes(), Lanes())
              for inner in 0..<width {
                v += value[at + row * width + inner] * moment[inner * width + column]
                q += queryKey[at + row * width + inner] * moment[inner * width + column]
              }
              left[row * width + column] = v
              right[row * width + column] = q
            }
          }
          let partial = squares + 4 * width * width
          for row in 0..<width {
            partial.update(repeating: Lanes(), count: width)
            for inner in 0..<width where value[at + inner * width + row] != 0 {
              let v = value[at + inner * width + row]
              for column in 0..<width { partial[column] += v * mixFlow[inner * width + column] }
            }
            for inner in 0..<width {
              for column in 0..<width where queryKey[at + inner * width + column] != 0 {
                momentFlow[row * width + column] +=
                  factor * partial[inner] * queryKey[at + inner * width + column]
              }
            }
          }
        }
      }
      guard let gradient else { continue }
      for row in 0..<width {
        for column in 0..<width {
          var (v, q) = (Lanes(), Lanes())
          for inner in 0..<width {
            v += mixFlow[row * width + inner] * right[inner * width + column]
            q += mixFlow[inner * width + row] * left[inner * width + column]
          }
          gradient.value[at + row * width + column] += factor * v
          gradient.queryKey[at + row * width + column] += factor * q
        }
      }
    }
    for key in 0..<keys {
      let (own, target) = (used + key * width, flowBack + key * width)
      for row in 0..<width {
        var sum = Lanes()
        for column in 0..<width {
          sum += (momentFlow[row * width + column] + momentFlow[column * width + row]) * own[column]
        }
        target[row] += sum
      }
    }
    if let position = weights.position {
      backward(position, weights.value, layer, used, gradient)
    }
    for token in 0..<tokens {
      for column in 0..<width {
        let own = flowBack[token * width + column]
        flow[token * width + column] += keep.map { own * $0[layer * most + token] } ?? own
      }
    }
  }

  /// The part of `backward` through the weights of positions.
  private func backward(
    _ position: [Double], _ value: [Double], _ layer: Int, _ used: UnsafeMutablePointer<Lanes>,
    _ gradient: StackGradient.Layer?
  ) {
    let (width, keys, factor) = (shape.width, shape.keys(of: tokens), shape.factor(of: tokens))
    let read = values + layer * most * width
    valueFlow.update(repeating: Lanes(), count: keys * width)
    position.withUnsafeBufferPointer { position in
      for row in rows(layer) {
        let arrived = squares
        for column in 0..<width { arrived[column] = signed(flow[row * width + column], layer, row) }
        for key in 0..<keys {
          let weight = factor * position[row * tokens + key]
          var sum = Lanes()
          for column in 0..<width {
            sum += arrived[column] * read[key * width + column]
            valueFlow[key * width + column] += weight * arrived[column]
          }
          gradient?.position?[row * tokens + key] += factor * sum
        }
      }
    }
    value.withUnsafeBufferPointer { value in
      for key in 0..<keys {
        for row in 0..<width {
          let slope = signed(valueFlow[key * width + row], layer, key)
          if let target = gradient?.value {
            for column in 0..<width {
              target[row * width + column] += slope * used[key * width + column]
            }
          }
          for column in 0..<width where value[row * width + column] != 0 {
            flowBack[key * width + column] += value[row * width + column] * slope
          }
        }
      }
    }
  }
}

/// The gradient of a stack's weights, summed over prompts lane by lane.
package final class StackGradient {
  struct Layer {
    let queryKey, value: UnsafeMutablePointer<Lanes>
    let position: UnsafeMutablePointer<Lanes>?
  }

  let layers: [Layer]
  private let memory: UnsafeMutablePointer<Lanes>
  private let count: Int
  private let square, places: Int

  package init(_ shape: StackShape) {
    square = shape.heads * shape.width * shape.width
    places = shape.positions.map { $0 * $0 } ?? 0
    let each = 2 * square + places
    count = shape.layers * each
    memory = .allocate(capacity: count)
    memory.initialize(repeating: Lanes(), count: count)
    layers = (0..<shape.layers).map { [memory, square, places] layer in
      let own = memory + layer * each
      return Layer(
        queryKey: own, value: own + square, position: places > 0 ? own + 2 * square : nil)
    }
  }

  deinit { memory.deallocate() }

  package func clear() { memory.update(repeating: Lanes(), count: count) }

  /// Adds the sums over lanes, in their order.
  package func addSums(to sums: inout [LinearStack.Layer]) {
    func add(_ lanes: UnsafeMutablePointer<Lanes>, to target: inout [Double]) {
      for index in target.indices {
        target[index] += lanes[index].indices.reduce(0) { $0 + lanes[index][$1] }
      }
    }
    for (index, layer) in layers.enumerated() {
      add(layer.queryKey, to: &sums[index].queryKey)
      add(layer.value, to: &sums[index].value)
      if let position = layer.position, var own = sums[index].position {
        add(position, to: &own)
        sums[index].position = own
      }
    }
  }
}
