// All tasks there are: those read from a folder, and those generated from nothing or from them.

import HookPoints

/// The tasks by name.
public struct TaskLibrary: Sendable {
  /// The tasks read from files, in the order of their paths, then the generated ones.
  public let tasks: [ICLTask]
  /// The files that were read, in order.
  public let files: [TaskFile]
  private let folder: String?
  private let places: [String: Int]

  /// Reads every `.json` file below a folder (`data/tasks/<category>/<task>.json`), and every `samples_….jsonl` of
  /// lm-evaluation-harness.
  ///
  /// A file in the house's format must be named after its task and lie in a folder named after its
  /// category. A published file stands in place of a generated task of its name (`next_capital_letter`
  /// of Todd et al. is one); a house file of such a name is refused.
  ///
  /// - Parameters:
  ///   - folder: the folder; subfolders are searched, hidden ones left out.
  ///   - generating: whether the algorithmic tasks, copies and first letters are added.
  /// - Throws: `CheckpointError` and `TaskError`; the first bad file ends it.
  public init(folder: String, generating: Bool = true) throws {
    let paths =
      try ICLTasks.files(below: folder, suffix: ".json")
      + ICLTasks.files(below: folder, suffix: ".jsonl").filter(TaskFile.isHarnessSamples)
    let files = try paths.map(TaskFile.init(contentsOf:))
    for file in files where file.format == .house {
      let (folder, stem) = TaskFile.folderAndStem(of: file.path)
      guard file.task.name == stem else {
        throw TaskError.wrongValue(
          file: file.path, place: "name", found: "'\(file.task.name)'",
          expected: "'\(stem)', the file's name")
      }
      guard file.task.category == folder else {
        throw TaskError.wrongValue(
          file: file.path, place: "category", found: "'\(file.task.category)'",
          expected: "'\(folder ?? "")', the folder's name")
      }
    }
    try self.init(
      files: files, tasks: files.map(\.task), generating: generating, folder: folder)
  }

  /// A library of tasks at hand.
  ///
  /// - Throws: `TaskError.repeatedTask` for two tasks of one name; `TaskError.unknownName` for an
  ///   inverse of a task that is not there.
  public init(tasks: [ICLTask], generating: Bool = true) throws {
    try self.init(files: [], tasks: tasks, generating: generating, folder: nil)
  }

  private init(files: [TaskFile], tasks given: [ICLTask], generating: Bool, folder: String?)
    throws
  {
    var tasks = given
    if generating {
      let published = Set(files.filter { $0.format != .house }.map(\.task.name))
      func add(_ generated: [ICLTask]) {
        tasks += generated.filter { !published.contains($0.name) }
      }
      add(GeneratedTasks.algorithmic)
      add(GeneratedTasks.perDomain(of: tasks))
    }
    func origin(_ place: Int) -> String {
      if place < files.count { return files[place].path }
      return place < given.count ? "the tasks given" : "the generated tasks"
    }
    var places: [String: Int] = [:]
    for (place, task) in tasks.enumerated() {
      if let first = places[task.name] {
        throw TaskError.repeatedTask(
          name: task.name, first: origin(first), second: origin(place))
      }
      places[task.name] = place
    }
    for (place, task) in tasks.enumerated() {
      guard let original = task.inverseOf, places[original] == nil else { continue }
      throw TaskError.wrongValue(
        file: origin(place), place: "inverse_of", found: "'\(original)'",
        expected: "the name of a task"
          + (nearName(to: original, among: tasks.map(\.name)).map { ", such as '\($0)'" } ?? ""))
    }
    self.files = files
    self.folder = folder
    self.tasks = tasks
    self.places = places
  }

  /// The names of all tasks, in the order of `tasks`.
  public var names: [String] { tasks.map(\.name) }

  /// The task of a name.
  ///
  /// - Throws: `TaskError.unknownName` with the nearest name.
  public func task(named name: String) throws -> ICLTask {
    guard let place = places[name] else {
      throw TaskError.unknownName(kind: "task", name: name, known: names, folder: folder)
    }
    return tasks[place]
  }

  /// The input domains in sorted order, each with the names of its tasks in the order of `tasks`.
  public var inputDomains: [(domain: String, tasks: [String])] {
    Set(tasks.map(\.inputDomain)).sorted().map { domain in
      (domain, tasks.filter { $0.inputDomain == domain }.map(\.name))
    }
  }

  /// The inverse of a task, for bijection controls.
  ///
  /// A task that declares itself the inverse of this one, or the one that this one inverts; failing
  /// these, a generated one, named `inverse_<name>`, where no two inputs share an output.
  ///
  /// - Returns: `nil` when the task has no inverse.
  /// - Throws: `TaskError.unknownName`.
  public func inverse(of name: String) throws -> ICLTask? {
    let task = try task(named: name)
    if let declared = tasks.first(where: { $0.inverseOf == name }) { return declared }
    if let original = task.inverseOf { return try self.task(named: original) }
    return task.isInjective ? task.inverted(named: "inverse_\(name)") : nil
  }
}
