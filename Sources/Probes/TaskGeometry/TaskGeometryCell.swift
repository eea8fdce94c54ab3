// TaskGeometryCell: θ of many demonstration sets of all tasks of one model, and how they lie to each other, by layer.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct TaskGeometryCell {
  var cell: StudyCell
  private let tasks: [ReadyTask]
  private let spec: TaskGeometrySpec
  private let identity: RunIdentity
  private var coordinates = Table(.coordinates)
  private var cosines = Table(.cosines)

  init(
    _ model: ProbeModel, _ tasks: [ReadyTask], _ spec: TaskGeometrySpec, _ identity: RunIdentity
  ) {
    cell = StudyCell(model, spec.prompting)
    self.tasks = tasks
    self.spec = spec
    self.identity = identity
  }

  /// `[task][set][layer]`.
  private typealias Vectors = [[[[Float]]]]

  mutating func run(untrained: () -> Transformer<Float>) throws {
    let own = try vectors()
    try report(own, .taskVector)
    if spec.controls.contains(.shuffledLabels) {
      try report(vectors(shuffled: true), .taskVectorShuffledLabels)
    }
    if spec.controls.contains(.untrained) { try report(vectors(on: untrained()), .untrained) }
    if spec.controls.contains(.permutedTasks) {
      var generator = SeededGenerator(
        key: "permuted tasks\u{0}\(cell.model.name)", seed: spec.seed)
      var all = generator.shuffled(own.flatMap { $0 })[...]
      let dealt = own.map { group -> [[[Float]]] in
        defer { all = all.dropFirst(group.count) }
        return Array(all.prefix(group.count))
      }
      try report(dealt, .taskLabelsPermuted)
    }
    cell.output.tables = [coordinates, cosines]
  }

  private mutating func vectors(shuffled: Bool = false, on other: Transformer<Float>? = nil) throws
    -> Vectors
  {
    try tasks.map { task in
      let sets = task.dataset.demonstrationSets(.test, count: spec.testSets)
      return try cell.thetas(sets, of: task, shuffledLabels: shuffled, on: other)
    }
  }

  // MARK: Rows

  private mutating func report(_ vectors: Vectors, _ condition: Condition) throws {
    for layer in 0..<cell.layers {
      let groups = vectors.map { $0.map { $0[layer] } }
      let geometry = GroupGeometry(groups)
      var place = StudyCell.Place(
        condition: condition, split: .test, hook: BlockPoint.residPost.rawValue, layer: layer,
        position: "last")
      place.extra = [.empty]
      addDistances(geometry, place)
      addProbe(groups, place)
      if condition == .taskVector {
        addHistogram(geometry, place)
        addCoordinates(groups, geometry, place)
      }
    }
  }

  /// Cosines and silhouettes: over all tasks, and of each.
  private mutating func addDistances(_ geometry: GroupGeometry, _ place: StudyCell.Place) {
    let count = tasks.count
    let pairs = (0..<count).flatMap { a in (0..<count).filter { $0 != a }.map { (a, $0) } }
    let alike = pairs.filter { tasks[$0.0].sharesInputs(with: tasks[$0.1]) }
    func mean(_ values: [Double]) -> Double {
      values.reduce(0, +) / Double(values.count)
    }
    // Flat, so that the bootstrap takes all of them from the same resamples.
    let estimates = geometry.estimates(
      key: "\(cell.model.name)\u{0}\(place.condition.rawValue)\u{0}\(place.layer ?? 0)",
      seed: spec.seed
    ) { summary in
      let between = (0..<count).map { task in
        mean((0..<count).filter { $0 != task }.map { summary.between[task * count + $0] })
      }
      let (within, across) = (mean(summary.within), mean(between))
      return [
        within, across, mean(alike.map { summary.between[$0.0 * count + $0.1] }), within - across,
        mean(summary.angularSilhouettes), mean(summary.euclideanSilhouettes),
      ] + summary.within + between + summary.angularSilhouettes + summary.euclideanSilhouettes
    }
    let overall: [Metric] = [
      .cosineWithin, .cosineBetween, .cosineBetweenSharedInputs, .cosineGap, .silhouetteCosine,
      .silhouetteEuclidean,
    ]
    for (metric, estimate) in zip(overall, estimates) { cell.add("mean", place, metric, estimate) }
    let each: [Metric] = [
      .cosineWithin, .cosineBetween, .silhouetteCosine, .silhouetteEuclidean,
    ]
    for (block, metric) in each.enumerated() {
      for (index, task) in tasks.enumerated() {
        cell.add(task.name, place, metric, estimates[overall.count + block * count + index])
      }
    }
    guard place.condition == .taskVector else { return }
    let summary = geometry.summary()
    for (a, b) in pairs where a < b {
      var own = place
      own.source = tasks[b].name
      cell.add(
        tasks[a].name, own, .cosineBetween,
        Estimate(
          value: summary.between[a * count + b], interval: nil,
          count: geometry.groups[a].count + geometry.groups[b].count))
    }
  }

  /// How often a linear classifier names the task of θ.
  private mutating func addProbe(_ groups: [[[Float]]], _ place: StudyCell.Place) {
    let all = groups.flatMap { $0 }
    let labels = groups.enumerated().flatMap { task, own in own.map { _ in task } }
    let folds = groups.flatMap { own in own.indices.map { $0 % spec.folds } }
    let products = all.flatMap { a in all.map { Statistics.dot(a, $0) } }
    // The mean squared distance from the centre: the trace over the count, less the centre's square.
    let n = Double(all.count)
    let squares = all.indices.reduce(0.0) { $0 + products[$1 * all.count + $1] } / n
    let spread = squares - products.reduce(0, +) / (n * n)
    let predicted = RidgeClassifier.crossValidated(
      products: products, labels: labels, folds: folds,
      ridge: max(spec.ridge * spread, Double.leastNormalMagnitude))
    let right = zip(predicted, labels).map { $0 == $1 }
    cell.add("mean", place, .linearProbeAccuracy, Statistics.proportion(right))
    for (index, task) in tasks.enumerated() {
      cell.add(
        task.name, place, .linearProbeAccuracy,
        Statistics.proportion(zip(labels, right).filter { $0.0 == index }.map(\.1)))
    }
  }

  private mutating func addHistogram(_ geometry: GroupGeometry, _ place: StudyCell.Place) {
    let labels = geometry.labels
    let bins = 100
    var counts: [String: [Int]] = [:]
    for i in labels.indices {
      for j in 0..<i {
        let (a, b) = (tasks[labels[i]], tasks[labels[j]])
        let kind =
          labels[i] == labels[j]
          ? "within" : a.sharesInputs(with: b) ? "between_shared_inputs" : "between"
        let cosine = 1 - geometry.angular[i * labels.count + j]
        let bin = min(bins - 1, max(0, Int((cosine + 1) / 2 * Double(bins))))
        counts[kind, default: Array(repeating: 0, count: bins)][bin] += 1
      }
    }
    for kind in ["within", "between_shared_inputs", "between"] {
      for (bin, count) in (counts[kind] ?? []).enumerated() where count > 0 {
        cosines.append([
          .text(identity.runID), .text(cell.model.name), .text(cell.model.attention.rawValue),
          .text(place.condition.rawValue), .text(Split.test.rawValue), .integer(spec.shots),
          .optional(place.hook), .optional(place.layer), .integer(Int(spec.seed)), .text(kind),
          .real(Double(2 * bin - bins) / Double(bins)),
          .real(Double(2 * bin + 2 - bins) / Double(bins)), .integer(count),
        ])
      }
    }
  }

  private mutating func addCoordinates(
    _ groups: [[[Float]]], _ geometry: GroupGeometry, _ place: StudyCell.Place
  ) {
    let components = PrincipalComponents(
      groups.flatMap { $0 }.map { $0.map { Double($0) } }, count: 2)
    let neighbours = NeighbourEmbedding(
      squares: geometry.euclidean.map { $0 * $0 }, start: components.scores,
      perplexity: spec.perplexity, iterations: spec.iterations)
    let count = geometry.count
    cell.add(
      "mean", place, .varianceShare,
      Estimate(
        value: components.varianceShares.map { $0.reduce(0, +) }, interval: nil, count: count))
    cell.add(
      "mean", place, .neighbourDivergence,
      Estimate(value: neighbours.divergence, interval: nil, count: count))
    for (projection, points) in [("pca", components.scores), ("tsne", neighbours.points)] {
      for (task, range) in zip(tasks, geometry.groups) {
        for (example, point) in points[range].enumerated() {
          coordinates.append([
            .text(identity.runID), .text(cell.model.name), .text(cell.model.attention.rawValue),
            .text(task.name), .text(place.condition.rawValue), .text(Split.test.rawValue),
            .integer(spec.shots), .optional(place.hook), .optional(place.layer),
            .integer(Int(spec.seed)), .integer(example), .text(projection), .real(point[0]),
            .real(point[1]),
          ])
        }
      }
    }
  }
}

extension ReadyTask {
  /// Whether two tasks can be asked the same queries.
  func sharesInputs(with other: ReadyTask) -> Bool {
    dataset.task.inputDomain == other.dataset.task.inputDomain
  }
}
