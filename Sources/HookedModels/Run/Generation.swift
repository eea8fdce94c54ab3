// Generation: tokens one after the other, each computed once; what came before is a prefix.

import HookPoints
import TensorCore

extension Transformer<Float> {
  /// A continuation, token by token.
  ///
  /// - Parameters:
  ///   - tokens: the prompt, at least one token.
  ///   - count: how many tokens to add.
  ///   - plan: what to read and what to change in the prompt; what it says of the position `last` or `all` holds for
  ///     every token that is added, too.
  ///   - roles: absolute positions by role, for plans that address the prompt by role.
  ///   - choose: the next token from the logits `[1, V]`; the most probable one by default.
  ///   - report: called with what each pass gave: pass 0 is the prompt.
  /// - Throws: `ModelError.tooLong` when the model's positions do not suffice, before anything is computed.
  public func generate(
    _ tokens: [Int], count: Int, plan: HookPlan = .empty, roles: [Role: [Int]] = [:],
    choose: (Tensor<Float>) -> Int = { $0.argmax(row: 0) },
    step report: (Int, RunResult<Float>) throws -> Void = { _, _ in }
  ) throws -> [Int] {
    try verify(lengths: [tokens.count + count])
    let later = try plan.afterPrompt(catalog)
    var prefix: Prefix<Float>?
    var next = tokens
    var added: [Int] = []
    while added.count < count {
      let (own, result) = try step(
        next, after: prefix, plan: added.isEmpty ? plan : later,
        roles: added.isEmpty ? roles : [:])
      try report(added.count, result)
      prefix = own
      added.append(choose(result.logits))
      next = [added[added.count - 1]]
    }
    return added
  }

  /// Runs tokens after a prefix: the prefix that they make, and the logits of the last.
  func step(
    _ tokens: [Int], after prefix: Prefix<Float>?, plan: HookPlan = .empty,
    roles: [Role: [Int]] = [:]
  ) throws -> (Prefix<Float>, RunResult<Float>) {
    let batch = [BatchSequence<Float>(tokens: tokens, after: prefix, roles: roles)]
    let (pass, logits, stream, places) = try forward(
      batch, plan: plan, stopAt: nil, logitsAt: .last, tape: nil, keepsMemory: true)
    try pass.hooks.verify()
    let made = Prefix(parent: prefix, ownCount: tokens.count, layers: pass.memories[0])
    let result = RunResult(
      logits: logits?.tensor ?? Tensor(repeating: 0, shape: [0, architecture.vocabulary]),
      logitPositions: places, cache: pass.hooks.cache, fireCounts: pass.hooks.counts,
      stream: stream.tensor)
    return (made, result)
  }
}

extension HookPlan {
  /// What holds for each token after the prompt, which is then the last and all there is: a position by number or role
  /// is one of the prompt, and so is the state before its first token.
  fileprivate func afterPrompt(_ catalog: HookCatalog) throws -> HookPlan {
    func goesOn(_ hook: HookReference, _ positions: PositionSelector) throws -> Bool {
      switch positions {
      case .last, .all:
        try !catalog.resolve(hook).contains { $0.point == .ssmStateInitial }
      case .index, .role: false
      }
    }
    return HookPlan(
      reads: try reads.filter { try goesOn($0.hook, $0.positions) },
      interventions: try interventions.filter { try goesOn($0.hook, $0.positions) })
  }
}

extension Tensor<Float> {
  /// The place of the largest element of a row; of several equal ones the first.
  public func argmax(row: Int) -> Int {
    withUnsafeBufferPointer { $0[row * width..<(row + 1) * width].argmax }
  }
}
