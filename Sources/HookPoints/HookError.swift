// HookError: everything that can be wrong with a name, a selector, a plan, or a run against its plan.
// Each case prints one sentence: what it is about, what was found, and what to do. Mistakes of a program
// (a malformed catalog, a recorder that contradicts itself) are preconditions and not here.

/// What can be wrong with hook names, plans, and runs of plans.
public enum HookError: Error, Equatable, Sendable {
  // Names
  case unknownName(text: String, model: String, nearest: String)
  case layerOutOfRange(text: String, layer: Int, layers: Int, model: String)
  case needsLayer(text: String)
  case needsNorm(text: String)
  case severalHooks(text: String, count: Int)
  case malformedRange(text: String, range: String)
  case absent(name: String, model: String, reason: String)
  case unsupported(text: String, reason: String)
  case notCanonical(text: String)
  case wrongLayout(name: HookName, layout: String)

  // Written plans
  case unknownPosition(text: String, nearest: String)
  case badSelector(key: String)
  case badValues(found: String)
  case unknownAction(text: String, nearest: String)
  case unknownKey(key: String, subject: String, nearest: String)
  case missingKey(key: String, subject: String)
  case meaninglessKey(key: String, action: String)
  case customNotEncodable(label: String)

  // Plans against a model and a batch
  case noSequence(hook: HookName, sequence: Int, sequences: Int)
  case namedTwice(hook: HookName, what: String, index: Int)
  case noHead(hook: HookName, head: Int, heads: Int)
  case noHeadAxis(hook: HookName)
  case noPositions(hook: HookName, selector: PositionSelector)
  case noPosition(hook: HookName, sequence: Int, selector: PositionSelector, has: String)
  case inPrefix(hook: HookName, sequence: Int, position: Int, past: Int)
  case joinsLater(hook: HookName, sequence: Int, firstLayer: Int)
  case selectsNothing(hook: HookName, what: String)
  case wrongWidth(hook: HookName, found: Int, expected: [Int], sequence: Int?)
  case wrongRowCount(hook: HookName, found: Int, selected: Int)
  case notANumber(hook: HookName)
  case unequalKeys(hook: HookName, counts: [Int])

  // Runs against their plan
  case neverFired(hook: HookName, what: String)
  case firedForOthers(hook: HookName, what: String, fired: Int, expected: Int)
  case notRecorded(hook: HookName, recorded: [HookName])
  case notRecordedFor(hook: HookName, sequence: Int, position: Int?)
  case onePerSequence(hook: HookName, sequences: [Int])
}
