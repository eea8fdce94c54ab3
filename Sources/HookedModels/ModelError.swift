// ModelError: everything that can be wrong with what a user asks of a model, one sentence each.

import HookPoints

/// What went wrong outside the code: subject, fact, remedy.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  case tokenOutOfVocabulary(model: String, token: Int, vocabulary: Int)
  case emptySequence(model: String, sequence: Int)
  case emptyBatch(model: String)
  case tooLong(model: String, sequence: Int, length: Int, maximum: Int)
  case noSuchPosition(model: String, sequence: Int, position: Int)
  case layerOutOfRange(model: String, layer: Int, layers: Int)
  case residualShape(model: String, sequence: Int, shape: [Int], width: Int)
  case positionsInResidual(model: String, sequence: Int)
  case scoresAfterPrefix(model: String, layer: Int)
  case gradientThroughState(model: String, layer: Int)
  case gradientThroughEdit(model: String, hook: HookName, instead: String)
  case gradientThroughClosure(model: String, label: String)
  case noGradientAt(model: String, hook: HookName, reason: String)
  case noTargets(model: String)
  case meanOfStates(model: String, hook: HookName)
  case prefixFromLayer(model: String, sequence: Int)
  case foreignPrefix(model: String, sequence: Int)
  case prefixLooksAhead(model: String)
  case unsupportedFamily(file: String, found: String, supported: [String])
  case unsupportedValue(file: String, key: String, found: String, supported: String)
  case missingTensor(file: String, name: String, shape: [Int], present: Int)
  case wrongShape(file: String, name: String, found: [Int], expected: [Int])
  case wrongType(file: String, name: String, found: String)
  case unusedTensors(file: String, names: [String])
  case noSuchParameter(model: String, pattern: String, example: String)

  public var description: String {
    switch self {
    case .tokenOutOfVocabulary(let model, let token, let vocabulary):
      "\(model): token id \(token) is outside its vocabulary of \(vocabulary); "
        + "use the tokenizer of this checkpoint"
    case .emptySequence(let model, let sequence):
      "\(model): sequence \(sequence) has no tokens; give it at least one, such as BOS"
    case .emptyBatch(let model): "\(model): the batch has no sequences; give at least one"
    case .tooLong(let model, let sequence, let length, let maximum):
      "\(model): sequence \(sequence) has \(length) tokens, but the model has \(maximum) positions; "
        + "shorten the prompt, or show fewer demonstrations"
    case .noSuchPosition(let model, let sequence, let position):
      "\(model): logits were asked at position \(position) of sequence \(sequence), "
        + "which this batch does not compute"
    case .layerOutOfRange(let model, let layer, let layers):
      "\(model): layer \(layer) does not exist; it has \(layers), counted from 0"
    case .residualShape(let model, let sequence, let shape, let width):
      "\(model): the residual of sequence \(sequence) has shape \(shape), expected [n, \(width)]"
    case .positionsInResidual(let model, let sequence):
      "\(model): sequence \(sequence) joins before block 0 as a residual, which must already "
        + "contain the position embedding; join at a later block or give tokens"
    case .scoresAfterPrefix(let model, let layer):
      "\(model): layer \(layer) is linear attention, whose prefix holds a state and no keys, so its "
        + "scores after a shared prefix cannot be read; run the whole prompt without a prefix"
    case .gradientThroughState(let model, let layer):
      "\(model): gradients do not flow through edits of the recurrent state (layer \(layer)); "
        + "edit hook_phi_k, hook_v or the residual stream instead"
    case .gradientThroughEdit(let model, let hook, let instead):
      "\(model): gradients do not flow through this edit at \(hook); \(instead) instead"
    case .gradientThroughClosure(let model, let label):
      "\(model): gradients do not flow through the closure '\(label)'; use replace, add, scale, "
        + "zero or mean"
    case .noGradientAt(let model, let hook, let reason):
      "\(model): no gradient can be taken at \(hook), \(reason)"
    case .noTargets(let model):
      "\(model): a gradient was asked for without any target; give at least one token to predict"
    case .meanOfStates(let model, let hook):
      "\(model): a mean at \(hook) is not supported, because states exist one token at a time; "
        + "read them and replace by their mean"
    case .prefixFromLayer(let model, let sequence):
      "\(model): sequence \(sequence) joins at a later block, so it cannot become a prefix; "
        + "give its tokens"
    case .foreignPrefix(let model, let sequence):
      "\(model): the prefix of sequence \(sequence) was made by a model of another shape; "
        + "make it with this model"
    case .prefixLooksAhead(let model):
      "\(model): its attention has no causal mask, so no token can be run before those behind it are "
        + "known and there are no prefixes; run whole sequences"
    case .unsupportedFamily(let file, let found, let supported):
      "\(file): model_type '\(found)' is not supported; supported are "
        + supported.joined(separator: ", ")
    case .unsupportedValue(let file, let key, let found, let supported):
      "\(file): \(key) is \(found), which is not supported; supported: \(supported)"
    case .missingTensor(let file, let name, let shape, let present):
      "\(file): tensor '\(name)' of shape \(shape) is missing among the \(present) present; "
        + "the checkpoint is incomplete or of another architecture than its config.json says"
    case .wrongShape(let file, let name, let found, let expected):
      "\(file): tensor '\(name)' has shape \(found), expected \(expected)"
    case .wrongType(let file, let name, let found):
      "\(file): tensor '\(name)' has type \(found), expected F32, F16 or BF16; "
        + "quantised checkpoints are not supported"
    case .unusedTensors(let file, let names):
      "\(file): \(names.count) tensor\(names.count == 1 ? "" : "s") would not be used: "
        + names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
        + "; the checkpoint is of another architecture than its config.json says"
    case .noSuchParameter(let model, let pattern, let example):
      "\(model): no parameter matches '\(pattern)'; names look like \(example)"
    }
  }
}
