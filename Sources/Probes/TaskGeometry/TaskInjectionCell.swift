// TaskInjectionCell: θ of one task, at the layer where it works best on its own development queries, put into zero-shot
// prompts of every task: a row of the matrix A × B, on B's answers and, where A can be asked B's queries, on A's.

import HookPoints
import HookedModels
import ICLTasks

struct TaskInjectionCell {
  var cell: StudyCell
  /// The task of the vectors.
  private let source: ReadyTask

  init(_ model: ProbeModel, _ source: ReadyTask, _ spec: PromptingSpec) {
    cell = StudyCell(model, spec)
    self.source = source
  }

  mutating func run(into tasks: [ReadyTask]) throws {
    let sets = source.dataset.demonstrationSets(.development, count: cell.spec.developmentSets)
    let before = try cell.thetas(sets, of: source)
    let (own, encoder) = (source, cell.model.encoder)
    let chosen = try cell.chooseLayer(own, place(.taskVector, prompts: own)) { layer in
      try sets.enumerated().map { index, set in
        let prompt = own.dataset.zeroShotPrompt(set, own.template)
        return StudyCell.Question(
          pair: set.query, prompt: prompt,
          edits: [try .taskVector(before[index][layer], layer: layer, into: prompt, encoder)])
      }
    }
    let test = own.dataset.demonstrationSets(.test, count: cell.spec.testSets)
    let thetas = try cell.thetas(test, of: own).map { $0[chosen] }
    cell.output.vectors.append(
      RunVector(
        thetas: thetas, of: own, layer: chosen, split: .test, prefix: cell.model.name,
        model: cell.model, cell.spec))
    var tests: [(task: String, place: StudyCell.Place, p: Double, count: Int)] = []
    for task in tasks {
      for judged in task.name == own.name ? [task] : [task, own] {
        let asked = questions(of: task, judgedBy: judged)
        guard !asked.isEmpty else { continue }
        let zeroShot = try report(
          .zeroShot, judged, asked.map(\.question), prompts: task, asked.map(\.set))
        let edited = try asked.map { set, question in
          var question = question
          question.edits = [
            try .taskVector(thetas[set], layer: chosen, into: question.prompt, encoder)
          ]
          return question
        }
        let condition: Condition = judged.name == own.name ? .taskVector : .taskVectorOtherTask
        let verdicts = try report(
          condition, judged, edited, prompts: task, asked.map(\.set), layer: chosen)
        tests.append(
          (
            judged.name, place(condition, prompts: task), StudyCell.mcNemar(verdicts, zeroShot),
            verdicts.count
          ))
      }
    }
    let adjusted = [
      (Metric.mcNemarP, tests.map(\.p)), (.holmP, Statistics.holmAdjusted(tests.map(\.p))),
      (.benjaminiHochbergP, Statistics.benjaminiHochbergAdjusted(tests.map(\.p))),
    ]
    for (index, test) in tests.enumerated() {
      for (metric, values) in adjusted {
        cell.add(
          test.task, test.place, metric,
          Estimate(value: values[index], interval: nil, count: test.count))
      }
    }
  }

  /// The test queries of a task as another one answers them; those that it cannot be asked are left out.
  private func questions(of task: ReadyTask, judgedBy judged: ReadyTask)
    -> [(set: Int, question: StudyCell.Question)]
  {
    let places = Dictionary(
      judged.dataset.task.pairs.enumerated().map { ($1.input, $0) }, uniquingKeysWith: { a, _ in a }
    )
    return task.dataset.demonstrationSets(.test, count: cell.spec.testSets).enumerated().compactMap
    {
      index, set in
      places[task.dataset.task.pairs[set.query].input].map { pair in
        (
          index,
          StudyCell.Question(pair: pair, prompt: task.dataset.zeroShotPrompt(set, task.template))
        )
      }
    }
  }

  private func place(_ condition: Condition, prompts: ReadyTask) -> StudyCell.Place {
    let isPatched = condition != .zeroShot
    var place = StudyCell.Place(
      condition: condition, split: .test, hook: isPatched ? BlockPoint.residPost.rawValue : nil,
      position: isPatched ? "last" : nil, source: isPatched ? source.name : nil)
    place.extra = [.text(prompts.name)]
    return place
  }

  private mutating func report(
    _ condition: Condition, _ task: ReadyTask, _ questions: [StudyCell.Question],
    prompts: ReadyTask, _ examples: [Int], layer: Int? = nil
  ) throws -> [StudyCell.Verdict] {
    let verdicts = try cell.ask(questions, of: task)
    // The baseline of another task on its own answers stands in that task's cell.
    guard condition != .zeroShot || task.name == source.name else { return verdicts }
    var place = place(condition, prompts: prompts)
    cell.addAccuracy(task.name, place, verdicts)
    place.layer = layer
    cell.addSamples(task, place, questions, verdicts, examples: examples)
    return verdicts
  }
}
