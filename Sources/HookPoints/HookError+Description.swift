// The sentence of every HookError: subject, fact, what was expected, remedy.

extension HookError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownName(let text, let model, let nearest):
      "\(text): \(model) has no hook point of this name; did you mean '\(nearest)'?"
    case .layerOutOfRange(let text, _, 0, let model):
      "\(text): \(model) has no blocks"
    case .layerOutOfRange(let text, let layer, let layers, let model):
      "\(text): layer \(layer) does not exist, \(model) has \(layers) layer\(layers == 1 ? "" : "s"), "
        + "0 to \(layers - 1) (in text also -1 to -\(layers), from the end)"
    case .needsLayer(let text):
      "\(text): which layer? write '\(text).3', or '\(text).*' for every layer that has it"
    case .needsNorm(let text):
      "\(text): which norm of the block? write it like 'normalized.3.ln1' or 'scale.3.ln2'"
    case .severalHooks(let text, let count):
      "\(text): means \(count) hook points; name one"
    case .malformedRange(let text, let range):
      "\(text): the layers '\(range)' run backwards"
    case .absent(let name, let model, let reason):
      "\(name): \(model) has no such hook point: \(reason)"
    case .unsupported(let text, let reason):
      "\(text): not a hook point here: \(reason)"
    case .notCanonical(let text):
      "\(text): not the full name of a hook point, such as 'blocks.3.hook_resid_post'"
    case .wrongLayout(let name, let layout):
      "\(name): its values are not of the layout \(layout)"
    case .unknownPosition(let text, let nearest):
      "position '\(text)': neither a number nor one of last, all, "
        + Role.allCases.map(\.rawValue).joined(separator: ", ")
        + " (with an index: arrow[1]); did you mean '\(nearest)'?"
    case .badSelector(let key):
      "\(key): expected \"all\", an index or a list of indices"
    case .badValues(let found):
      "values: found \(found), expected a list of numbers or a list of such lists of equal length"
    case .unknownAction(let text, let nearest):
      "action '\(text)': not one of replace, add, scale, zero, mean; did you mean '\(nearest)'?"
    case .unknownKey(let key, let subject, let nearest):
      "\(subject): unknown key '\(key)'; did you mean '\(nearest)'?"
    case .missingKey(let key, let subject):
      "\(subject): the key '\(key)' is missing"
    case .meaninglessKey(let key, let action):
      "action '\(action)': the key '\(key)' means nothing here; remove it"
    case .customNotEncodable(let label):
      "the intervention '\(label)' is a closure and cannot be written to a file"
    case .noSequence(let hook, let sequence, let sequences):
      "\(hook): sequence \(sequence) does not exist, the batch has \(sequences)"
    case .namedTwice(let hook, let what, let index):
      "\(hook): \(what) \(index) is named twice"
    case .noHead(let hook, let head, let heads):
      "\(hook): head \(head) does not exist, there are \(heads), counted from 0"
    case .noHeadAxis(let hook):
      "\(hook): has no heads to choose from; leave 'head' out"
    case .noPositions(let hook, let selector):
      "\(hook): has one value per sequence and no positions; write 'all' in place of '\(selector)'"
    case .noPosition(let hook, let sequence, let selector, let has):
      "\(hook): sequence \(sequence) has no position '\(selector)'; it has \(has)"
    case .inPrefix(let hook, let sequence, let position, let past):
      "\(hook): position \(position) of sequence \(sequence) lies in the shared prefix of \(past) "
        + "tokens, which is not recomputed; end the prefix before it"
    case .joinsLater(let hook, let sequence, let firstLayer):
      "\(hook): sequence \(sequence) joins the batch at layer \(firstLayer) and does not exist here"
    case .selectsNothing(let hook, let what):
      "\(hook): the \(what) selects nothing in this batch"
    case .wrongWidth(let hook, let found, let expected, let sequence):
      "\(hook): a value of \(found) numbers, expected "
        + expected.map(String.init).joined(separator: " or ")
        + (sequence.map { " (sequence \($0))" } ?? "")
    case .wrongRowCount(let hook, let found, let selected):
      "\(hook): \(found) rows of values for \(selected) selected positions; give one row or as many"
    case .notANumber(let hook):
      "\(hook): the values hold a NaN"
    case .unequalKeys(let hook, let counts):
      "\(hook): a mean of rows over different numbers of keys \(counts) is undefined"
    case .neverFired(let hook, let what):
      "\(hook): \(what) was asked for and never fired; the run does not pass this hook point"
    case .firedForOthers(let hook, let what, let fired, let expected):
      "\(hook): \(what) fired for \(fired) rows, expected \(expected)"
    case .notRecorded(let hook, let recorded):
      "\(hook): not recorded; the plan read "
        + (recorded.isEmpty ? "nothing" : recorded.map(\.description).joined(separator: ", "))
    case .notRecordedFor(let hook, let sequence, let position):
      "\(hook): not recorded for sequence \(sequence)"
        + (position.map { ", position \($0)" } ?? "")
    case .onePerSequence(let hook, let sequences):
      "\(hook): one tensor per sequence was recorded, for sequences \(sequences); say which"
    }
  }
}
