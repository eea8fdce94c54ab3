// VectorExtraction: one task's vector from one model, made once to be saved and applied: θ(S) of Hendel et al. 2023, or
// what demonstrations add to it. The layer may be chosen as the probe `task-vectors` chooses it.

import CheckpointIO
import HookPoints
import HookedModels
import ICLTasks
import TensorCore
import Tokenization

/// What to extract.
public struct VectorExtraction: Sendable {
  /// The folder of the checkpoint.
  public var modelPath: String
  /// The task's name.
  public var task: String
  /// The folder of task files.
  public var tasksFolder: String
  /// Nil chooses the layer whose vectors are right most often on the development sets.
  public var layer: Int?
  /// Whether θ replaces, or what demonstrations add to it is added.
  public var mode: SavedVector.Mode
  /// How demonstrations and queries are written.
  public var template: PromptTemplate
  /// What an answer must be, and what of it a layer is chosen by.
  public var answer: AnswerPolicy
  /// Demonstrations of a set.
  public var shots: Int
  /// Dummy queries that θ is the mean over.
  public var dummies: Int
  /// How many demonstration sets give a vector each.
  public var sets: Int
  /// Demonstration sets that the layer is chosen on.
  public var developmentSets: Int
  /// Of every draw.
  public var seed: UInt64
  /// Which tokens stand before a prompt.
  public var bos: BOSPolicy

  public init(
    modelPath: String, task: String, tasksFolder: String, layer: Int?, mode: SavedVector.Mode,
    template: PromptTemplate, answer: AnswerPolicy, shots: Int, dummies: Int, sets: Int,
    developmentSets: Int,
    seed: UInt64, bos: BOSPolicy
  ) {
    self.modelPath = modelPath
    self.task = task
    self.tasksFolder = tasksFolder
    self.layer = layer
    self.mode = mode
    self.template = template
    self.answer = answer
    self.shots = shots
    self.dummies = dummies
    self.sets = sets
    self.developmentSets = developmentSets
    self.seed = seed
    self.bos = bos
  }

  /// A vector, and what the choice of its layer saw.
  public struct Extracted: Sendable {
    /// One row for each set.
    public let vector: SavedVector
    /// Of the model it was taken from.
    public let architecture: Architecture
    /// The accuracy of the zero-shot query with the vector applied, by layer, on the development sets; empty where the
    /// layer was given.
    public let accuracy: [Estimate]
  }

  /// Extracts the vector.
  ///
  /// - Parameters:
  ///   - outputs: where it will be written, so that what cannot be written is refused before anything is run.
  ///   - context: what the model runs on.
  /// - Throws: errors of models, tasks and tokenizers; `RunError.refused` for an output.
  public func run(outputs: [String], on context: ComputeContext) throws -> Extracted {
    for output in outputs { try SavedVector.format(of: output, mode: mode, layer: layer) }
    let library = try TaskLibrary(folder: tasksFolder)
    let pairs = try library.task(named: task)
    let probe = try ProbeModel(path: modelPath, bos: bos, library: library, on: context)
    let layers = probe.model.architecture.layers
    if let layer, !(0..<layers).contains(layer) {
      throw ModelError.layerOutOfRange(model: probe.name, layer: layer, layers: layers)
    }
    let answerable = try AnswerableTask(
      pairs, template: template, tokenizer: probe.encoder, policy: answer)
    let dataset: TaskDataset
    do {
      dataset = try TaskDataset(
        task: answerable.task, shots: shots, dummies: dummies, seed: seed)
    } catch let error as TaskError { throw answerable.explained(error) }
    let source = Source(probe: probe, answerable: answerable, dataset: dataset, mode: mode)
    var accuracy: [Estimate] = []
    var chosen = layer
    if layer == nil {
      accuracy = try source.accuracies(
        dataset.demonstrationSets(.development, count: developmentSets))
      // A control vector cannot be of layer 0, so the choice leaves it out where one is wanted.
      let first = outputs.contains { $0.hasSuffix(".gguf") } ? 1 : 0
      chosen = (first..<layers).max {
        (accuracy[$0].value ?? 0, $1) < (accuracy[$1].value ?? 0, $0)
      }
    }
    guard let chosen else {
      throw RunError.refused(
        folder: outputs[0], fact: "\(probe.name) has no layer after the first",
        remedy: "write .safetensors")
    }
    let vectors = try source.vectors(dataset.demonstrationSets(.test, count: sets))
    let hook = HookName.block(chosen, .residPost)
    return Extracted(
      vector: SavedVector(
        name: "\(probe.name)/\(task)/\(hook)", hook: hook, mode: mode,
        rows: vectors.map { $0[chosen] },
        metadata: [
          "model": probe.name, "task": task, "split": "test", "hook": "\(hook)",
          "layer": "\(chosen)", "position": "last", "mode": mode.rawValue, "shots": "\(shots)",
          "dummies": "\(dummies)", "seed": "\(seed)",
          "template": answerable.template.demonstration,
        ]), architecture: probe.model.architecture, accuracy: accuracy)
  }

  /// The model, the task and its sets.
  private struct Source {
    let probe: ProbeModel
    let answerable: AnswerableTask
    let dataset: TaskDataset
    let mode: SavedVector.Mode

    /// The residual after every block at the last token, mean over some prompts.
    private func states(_ prompts: [[Prompt]]) throws -> [[[Float]]] {
      var fires = FireCounts()
      return try probe.model.inContextRuns(
        try prompts.map {
          DemonstrationPrompts(
            query: nil, dummies: try $0.map { try $0.tokenized(by: probe.encoder) })
        }, fires: &fires
      ).map(\.vectors)
    }

    /// The vector of each set at every layer.
    func vectors(_ sets: [DemonstrationSet]) throws -> [[[Float]]] {
      let shown = try states(sets.map { dataset.dummyPrompts($0, answerable.template) })
      guard mode == .add else { return shown }
      let bare = try states(
        sets.map { set in
          set.dummies.map {
            answerable.template.zeroShotPrompt(query: dataset.task.pairs[$0].input)
          }
        })
      return zip(shown, bare).map { zip($0, $1).map { zip($0, $1).map { $0 - $1 } } }
    }

    /// How often the query alone is right with the vector applied, by layer.
    func accuracies(_ sets: [DemonstrationSet]) throws -> [Estimate] {
      let prompts = sets.map { dataset.zeroShotPrompt($0, answerable.template) }
      var states = try vectors(sets)
      if mode == .add {
        let bare = try self.states(prompts.map { [$0] })
        states = zip(states, bare).map { zip($0, $1).map { zip($0, $1).map { $0 + $1 } } }
      }
      var notes = CellNotes()
      let swept = try probe.model.sweep(
        try sets.indices.map { index in
          PatchedQuery(
            tokens: try prompts[index].tokenized(by: probe.encoder).tokens,
            answers: [[answerable.answers[sets[index].query].token]],
            patches: states[index].enumerated().map { (layer: $0.offset, vector: $0.element) })
        }, notes: &notes)
      return (0..<probe.model.architecture.layers).map { layer in
        Statistics.proportion(
          sets.indices.map { index in
            let token = swept[index].patched[layer][0].prediction
            return answerable.isCorrect(
              token: token, text: probe.encoder.tokenizer.decode([token]),
              pair: sets[index].query)
          })
      }
    }
  }
}
