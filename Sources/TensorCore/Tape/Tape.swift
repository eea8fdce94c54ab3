// Tape: reverse-mode differentiation. Operations that run with a tape note how to send a gradient back;
// nothing is noted for values that no gradient was asked for, so frozen parts of a model cost nothing.

/// A tensor in a computation, and its place on the tape if gradients flow through it.
public struct Variable<Scalar: TensorScalar>: Sendable {
  /// The values.
  public let tensor: Tensor<Scalar>
  package let node: Int?

  /// A constant: no gradient flows into it.
  public init(_ tensor: Tensor<Scalar>) {
    self.tensor = tensor
    node = nil
  }

  package init(tensor: Tensor<Scalar>, node: Int?) {
    self.tensor = tensor
    self.node = node
  }

  /// The shape of the values.
  public var shape: [Int] { tensor.shape }

  /// The same values, and the same place on the tape, under another shape.
  public func reshaped(_ shape: [Int]) -> Variable {
    Variable(tensor: tensor.reshaped(shape), node: node)
  }
}

/// What one forward pass recorded. Use it once, from one thread.
public final class Tape<Scalar: TensorScalar> {
  typealias Backward = (Tensor<Scalar>, Gradients<Scalar>) -> Void

  private struct Node {
    let shape: [Int]
    let backward: Backward?
  }
  private var nodes: [Node] = []
  private var leaves: [ObjectIdentifier: Int] = [:]
  private var kept: Set<Int> = []

  /// An empty tape.
  public init() {}

  /// A value whose gradient is wanted.
  public func variable(_ tensor: Tensor<Scalar>) -> Variable<Scalar> {
    nodes.append(Node(shape: tensor.shape, backward: nil))
    return Variable(tensor: tensor, node: nodes.count - 1)
  }

  /// Asks for the gradient of a parameter wherever the computation uses it.
  public func watch(_ parameter: Parameter<Scalar>) {
    let key = ObjectIdentifier(parameter)
    guard leaves[key] == nil else { return }
    nodes.append(Node(shape: parameter.shape, backward: nil))
    leaves[key] = nodes.count - 1
  }

  /// Keeps the gradient of an intermediate value, which is otherwise freed once it has been passed on.
  package func keepGradient(of variable: Variable<Scalar>) {
    if let node = variable.node { kept.insert(node) }
  }

  func node(of parameter: Parameter<Scalar>) -> Int? { leaves[ObjectIdentifier(parameter)] }

  func record(_ tensor: Tensor<Scalar>, _ backward: @escaping Backward) -> Variable<Scalar> {
    nodes.append(Node(shape: tensor.shape, backward: backward))
    return Variable(tensor: tensor, node: nodes.count - 1)
  }

  /// Gradients of Σ seed∘value, by running the tape backwards.
  ///
  /// - Parameters:
  ///   - seeds: values and the gradients that arrive at them, of the same shape.
  ///   - context: what sums of gradients run on.
  public func gradients(
    from seeds: [(Variable<Scalar>, Tensor<Scalar>)],
    on context: ComputeContext = ComputeContext(threads: 1)
  ) -> Gradients<Scalar> {
    let gradients = Gradients<Scalar>(shapes: nodes.map(\.shape), leaves: leaves, context: context)
    for (value, seed) in seeds {
      precondition(value.tensor.count == seed.count, "a seed \(seed.shape) for \(value.shape)")
      guard let node = value.node else { continue }
      gradients.add(seed, to: node)
    }
    for index in nodes.indices.reversed() {
      guard let backward = nodes[index].backward, let arrived = gradients.slots[index] else {
        continue
      }
      if !kept.contains(index) { gradients.slots[index] = nil }
      backward(arrived, gradients)
    }
    return gradients
  }
}

/// The gradients that one backward pass found.
public final class Gradients<Scalar: TensorScalar> {
  private let shapes: [[Int]]
  private let leaves: [ObjectIdentifier: Int]
  private let context: ComputeContext
  var slots: [Tensor<Scalar>?]

  init(shapes: [[Int]], leaves: [ObjectIdentifier: Int], context: ComputeContext) {
    self.shapes = shapes
    self.leaves = leaves
    self.context = context
    slots = Array(repeating: nil, count: shapes.count)
  }

  /// The gradient of a value that the tape was asked to keep; nil where none arrived.
  public subscript(variable: Variable<Scalar>) -> Tensor<Scalar>? {
    variable.node.flatMap { slots[$0] }
  }

  /// The gradient of a watched parameter; zeros where the result does not depend on it.
  public subscript(parameter: Parameter<Scalar>) -> Tensor<Scalar>? {
    leaves[ObjectIdentifier(parameter)].map { slots[$0] ?? Tensor(repeating: 0, shape: shapes[$0]) }
  }

  /// Adds to a node's gradient, or becomes it where none has arrived; nothing happens for a constant.
  func add(_ gradient: Tensor<Scalar>, to node: Int?) {
    guard let node else { return }
    guard let arrived = slots[node] else {
      slots[node] = gradient.reshaped(shapes[node])
      return
    }
    let sum = Tensor<Scalar>(uninitialized: shapes[node])
    let kernels = Scalar.kernels(context.instructionSet)
    context.parallelRanges(sum.count, cost: sum.count / 4) { range in
      let at = range.lowerBound
      kernels.add(range.count, arrived.base + at, gradient.base + at, sum.mutableBase + at)
    }
    slots[node] = sum
  }

  /// Lets `body` add to a node's gradient, which starts as zeros; nothing happens for a constant.
  func accumulate(into node: Int?, _ body: (UnsafeMutablePointer<Scalar>, Int) -> Void) {
    write(into: node) { target, adds in
      guard let node else { return }
      let count = shapes[node].reduce(1, *)
      if !adds {
        let width = MemoryLayout<Scalar>.stride
        context.parallelRanges(count, cost: count / 8) {
          UnsafeMutableRawPointer(target + $0.lowerBound).initializeMemory(
            as: UInt8.self, repeating: 0, count: $0.count * width)
        }
      }
      body(target, count)
    }
  }

  /// Lets `body` write a node's gradient, or add to it where one has arrived, as its second argument says; nothing happens
  /// for a constant.
  func write(into node: Int?, _ body: (UnsafeMutablePointer<Scalar>, Bool) -> Void) {
    guard let node else { return }
    let adds = slots[node] != nil
    var slot = slots[node] ?? Tensor(uninitialized: shapes[node])
    slots[node] = nil
    slot.makeUnique(on: context)
    body(slot.mutableBase, adds)
    slots[node] = slot
  }
}
