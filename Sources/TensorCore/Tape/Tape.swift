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
  /// - Parameter seeds: values and the gradients that arrive at them, of the same shape.
  public func gradients(from seeds: [(Variable<Scalar>, Tensor<Scalar>)]) -> Gradients<Scalar> {
    let gradients = Gradients<Scalar>(shapes: nodes.map(\.shape), leaves: leaves)
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
  var slots: [Tensor<Scalar>?]

  init(shapes: [[Int]], leaves: [ObjectIdentifier: Int]) {
    self.shapes = shapes
    self.leaves = leaves
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

  func add(_ gradient: Tensor<Scalar>, to node: Int) {
    if slots[node] == nil {
      slots[node] = gradient.reshaped(shapes[node])
    } else {
      accumulate(into: node) { target, count in
        gradient.withUnsafeBufferPointer { source in
          for index in 0..<count { target[index] += source[index] }
        }
      }
    }
  }

  /// Lets `body` add to a node's gradient, which starts as zeros; nothing happens for a constant.
  func accumulate(into node: Int?, _ body: (UnsafeMutablePointer<Scalar>, Int) -> Void) {
    guard let node else { return }
    var slot = slots[node] ?? Tensor(repeating: 0, shape: shapes[node])
    slots[node] = nil
    slot.makeUnique()
    body(slot.mutableBase, slot.count)
    slots[node] = slot
  }

  /// Whether no gradient has arrived at a node.
  func isEmpty(_ node: Int) -> Bool { slots[node] == nil }

  /// Lets `body` write a node's gradient, or add to it where one has arrived, as its second argument says; nothing happens
  /// for a constant.
  func write(into node: Int?, _ body: (UnsafeMutablePointer<Scalar>, Bool) -> Void) {
    guard let node else { return }
    let arrived = slots[node]
    slots[node] = nil
    var slot = arrived ?? Tensor(uninitialized: shapes[node])
    let adds = arrived != nil
    _ = consume arrived
    slot.makeUnique()
    body(slot.mutableBase, adds)
    slots[node] = slot
  }
}
