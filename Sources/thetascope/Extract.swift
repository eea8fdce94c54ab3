// thetascope extract: a task's vector, once, to be saved and shared; or a saved one in another format.

import ArgumentParser
import HookPoints
import HookedModels
import ICLTasks
import Probes
import TensorCore
import Tokenization

struct Extract: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Save a task's vector: .safetensors, .csv, or a GGUF control vector.",
    discussion: """
      The vector is the residual stream after block --layer at the last token of a prompt of --shots demonstrations \
      and a dummy query, mean over --dummies of them (Hendel et al. 2023); with --mode add, minus the same without \
      demonstrations. --layer auto takes the layer whose vectors, applied to zero-shot queries, are right most often \
      on the development sets. Prompts are written as Hendel et al. do; the shipped models know --template arrow. Only \
      added vectors, from layer 1 on, can be GGUF control vectors.

      With --vector nothing is computed: a saved vector, such as a function vector in a run's vectors.safetensors, is \
      written in another format.

      Examples:
        thetascope extract --model gpt2 --task country_capital --layer 6 \\
          --out theta.safetensors
        thetascope extract --model gpt2 --task antonyms --layer auto --shots 10 \\
          --out theta.safetensors --out theta.csv
        thetascope extract --model data/models/softmax --template arrow \\
          --task country_capital --layer auto --out theta.safetensors
        thetascope extract --model llama --task en_fr --layer 12 --mode add \\
          --out french.gguf
        thetascope extract --model gpt2 --vector runs/heads/vectors.safetensors \\
          --tensor gpt2/antonyms/function_vector --out antonyms.gguf
      """)

  @Option(help: "A Hugging Face folder.", completion: .directory) var model: String
  @Option(help: "The task; `thetascope tasks` lists them.", completion: .tasks) var task: String?
  @Option(help: "A saved vector, .safetensors, instead of a task.", completion: .vectors)
  var vector: String?
  @Option(help: "The tensor of a file of vectors that holds several.") var tensor: String?
  @Option(help: "The layer, counted from 0, or auto.", completion: .list(["auto"])) var layer:
    String?
  @Option(
    help:
      "replace (θ itself, the default) or add (θ minus the same prompts without demonstrations).")
  var mode: SavedVector.Mode?
  @Option(
    help:
      "Pairs whose answer is of one token (single_token), or all, by its first token (first_token)."
  )
  var answer = AnswerPolicy.singleToken
  @Option(help: "Demonstrations a prompt.") var shots = 5
  @Option(help: "Dummy queries that a vector is the mean over.") var dummies = 2
  @Option(help: "How many demonstration sets give a vector each; applied, their mean is taken.")
  var sets = 1
  @Option(help: "Sets that --layer auto chooses on.") var developmentSets = 20
  @Option(help: "The seed of all draws.") var seed: UInt64 = 41
  @Option(
    help: "The file; may be given again for another format.",
    completion: .file(extensions: ["safetensors", "csv", "gguf"]))
  var out: [String]
  @Option(help: "The folder with the tasks.", completion: .directory) var tasks = "data/tasks"
  @OptionGroup var encoding: EncodingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if out.isEmpty { throw ValidationError("say where to write with --out") }
    if (task == nil) == (vector == nil) {
      throw ValidationError("give either --task, to extract its vector, or --vector, a saved one")
    }
    if vector == nil, layer == nil { throw ValidationError("say which --layer, or auto") }
    if answer == .whole {
      throw ValidationError("--answer is 'whole', expected single_token or first_token")
    }
    if vector == nil, tensor != nil { throw ValidationError("--tensor is of a file: --vector") }
    if let layer, layer != "auto" || vector != nil, Int(layer).map({ $0 < 0 }) ?? true {
      throw ValidationError(
        "--layer is '\(layer)', expected a number from 0 on" + (vector == nil ? " or auto" : ""))
    }
    for (name, value, least) in [
      ("--shots", shots, 0), ("--dummies", dummies, 1), ("--sets", sets, 1),
      ("--development-sets", developmentSets, 1),
    ] where value < least {
      throw ValidationError("\(name) is \(value), expected \(least) or more")
    }
  }

  func run() throws {
    if let vector {
      let saved = try SavedVector(path: vector, tensor: tensor).placed(
        in: ModelFolder(path: model), layer: layer.flatMap { Int($0) }, mode: mode, file: vector)
      for path in out { try saved.write(to: path, model: ModelFolder(path: model).architecture) }
      return say(saved)
    }
    let extraction = VectorExtraction(
      modelPath: model, task: task ?? "", tasksFolder: tasks, layer: layer.flatMap { Int($0) },
      mode: mode ?? .replace,
      template: try encoding.resolvedTemplate() ?? .hendel, answer: answer, shots: shots,
      dummies: dummies,
      sets: sets, developmentSets: developmentSets, seed: seed, bos: encoding.bos)
    let found = try extraction.run(outputs: out, on: common.context)
    for (layer, accuracy) in found.accuracy.enumerated() {
      common.say(
        "layer \(layer): accuracy \(TextTable.number(accuracy.value)), 95 % "
          + "\(TextTable.number(accuracy.interval?.low)) to \(TextTable.number(accuracy.interval?.high)), "
          + "n \(accuracy.count)")
    }
    for path in out { try found.vector.write(to: path, model: found.architecture) }
    say(found.vector)
  }

  private func say(_ vector: SavedVector) {
    common.say("\(vector.name), \((vector.mode ?? .replace).rawValue)")
    for path in out { common.say(path) }
  }
}
