// The library: folders, names, inverses, and the tasks that ship.

import CheckpointIO
import Foundation
import ICLTasks
import TestSupport
import Testing

@Suite struct TaskLibraryTests {
  /// Writes files into a temporary folder, runs the body with its path, and removes it.
  func withFolder<Result>(
    _ files: [String: String], _ body: (String) throws -> Result
  ) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "tasks-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for (path, text) in files {
      let file = folder.appendingPathComponent(path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return try body(folder.path)
  }

  func house(_ name: String, _ category: String, more: String = "") -> String {
    #"{"name": "\#(name)", "category": "\#(category)", "source": "s"\#(more), "pairs": [{"input": "France", "output": "\#(name)"}]}"#
  }

  @Test func readsAFolderInOrder() throws {
    let files = [
      "b/z.json": house("z", "b", more: #", "input_domain": "country""#),
      "b/a.json": house("a", "b", more: #", "input_domain": "country""#),
      "a/list.json": #"[{"input": "x", "output": "y"}]"#, "README.md": "no", ".hidden/x.json": "{",
    ]
    try withFolder(files) { folder in
      let plain = try TaskLibrary(folder: folder, generating: false)
      #expect(plain.names == ["list", "a", "z"])
      #expect(plain.files.map(\.format) == [.list, .house, .house])
      #expect(plain.inputDomains.map(\.domain) == ["country", "list_input"])
      #expect(plain.inputDomains.first?.tasks == ["a", "z"])
      let full = try TaskLibrary(folder: folder)
      #expect(full.names.prefix(4) == ["list", "a", "z", "next_letter"])
      #expect(
        full.inputDomains.first { $0.domain == "country" }?.tasks == [
          "a", "z", "copy_country", "first_letter_country",
        ])
      #expect(
        try full.task(named: "copy_country").pairs == [.init(input: "France", output: "France")])
      let error = #expect(throws: TaskError.self) { try full.task(named: "next_leter") }
      #expect(
        error?.description
          == "there is no task 'next_leter' in \(folder); did you mean 'next_letter'?")
    }
  }

  @Test(arguments: [
    (["b/x.json": "z b"], "/b/x.json: name: found 'z', expected 'x', the file's name"),
    (["c/z.json": "z b"], "/c/z.json: category: found 'b', expected 'c', the folder's name"),
    (
      ["b/next_letter.json": "next_letter b"],
      "the generated tasks: the task 'next_letter' exists already in "
    ),
  ])
  func badFolders(files: [String: String], sentence: String) throws {
    let texts = files.mapValues { text in
      let parts = text.split(separator: " ").map(String.init)
      return house(parts[0], parts[1])
    }
    try withFolder(texts) { folder in
      let error = #expect(throws: TaskError.self) { try TaskLibrary(folder: folder) }
      #expect(error?.description.contains(sentence) == true)
    }
  }

  /// Todd et al.'s tasks as they are published; one has the name of a generated task and stands in its place.
  @Test func abstractiveTasksOfToddEtAl() throws {
    guard let folder = realMaterial("data/function_vectors/dataset_files/abstractive") else {
      return
    }
    let library = try TaskLibrary(folder: folder)
    #expect(library.files.count == 29)
    for file in library.files {
      #expect(file.format == .list && file.task.category == "abstractive", "\(file.path)")
      let entries = try #require(try JSON(contentsOf: file.path).arrayValue)
      let kept = entries.count - file.changes.repeatsDropped - file.changes.alternativesMerged
      #expect(file.task.pairs.count == kept && kept >= 20, "\(file.path)")
      #expect(try library.task(named: file.task.name) == file.task)
      let first = try #require(entries.first)
      #expect(file.task.pairs[0].input == first["input"]?.stringValue)
    }
    #expect(try library.task(named: "country-capital").pairs.count > 100)
    #expect(
      try library.task(named: "next_capital_letter").source != GeneratedTasks.algorithmic[0].source)
    #expect(library.names.contains("next_letter"))
  }

  @Test func missingFolder() {
    let error = #expect(throws: TaskError.self) { try TaskLibrary(folder: "/nonexistent/tasks") }
    #expect(error?.kind == .missingFile)
  }

  @Test func inverses() throws {
    func task(_ name: String, _ pairs: [(String, String)], inverseOf: String? = nil) -> ICLTask {
      ICLTask(
        name: name, category: "c", source: "s", inverseOf: inverseOf,
        pairs: pairs.map { .init(input: $0, output: $1) })
    }
    let library = try TaskLibrary(tasks: [
      task("capital", [("France", "Paris")]),
      task("capital_of", [("Paris", "France")], inverseOf: "capital"),
      task("continent", [("France", "Europe"), ("Italy", "Europe")]),
      task("currency", [("France", "euro")]),
    ])
    #expect(try library.inverse(of: "capital")?.name == "capital_of")
    #expect(try library.inverse(of: "capital_of")?.name == "capital")
    #expect(try library.inverse(of: "continent") == nil)
    #expect(try library.inverse(of: "currency")?.pairs == [.init(input: "euro", output: "France")])
    #expect(try library.inverse(of: "to_upper")?.name == "to_lower")
    let error = #expect(throws: TaskError.self) {
      try TaskLibrary(tasks: [task("a", [("x", "y")], inverseOf: "to_uper")])
    }
    #expect(
      error?.description
        == "the tasks given: inverse_of: found 'to_uper', expected the name of a task, such as "
        + "'to_upper'")
  }

  // MARK: The shipped tasks

  static let shippedFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "data/tasks").path

  /// Every file is a task by the strict reader (no repeats, empty texts or contradictions: the
  /// reader's own tests), a declared inverse inverts, and a domain has at least four tasks.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: shippedFolder), "no data/tasks"))
  func shippedTasks() throws {
    let library = try TaskLibrary(folder: Self.shippedFolder)
    #expect(library.files.allSatisfy { $0.format == .house })
    for file in library.files {
      let task = file.task
      expectWritten(task)
      guard let name = task.inverseOf else { continue }
      let original = try library.task(named: name)
      let forward = Dictionary(original.pairs.map { ($0.input, $0.answers) }) { first, _ in first }
      for pair in task.pairs {
        // Every inverse answer must lead back: the original answers the pair's input for it.
        let leadsBack = pair.answers.contains { forward[$0]?.contains(pair.input) == true }
        #expect(
          leadsBack, "\(task.name): '\(pair.input)' -> '\(pair.output)' does not invert \(name)")
      }
    }
    for (domain, tasks) in library.inputDomains {
      #expect(tasks.count >= 4, "the input domain '\(domain)' has only \(tasks)")
    }
    let ceiling = try #require(zeroShotCeiling(library.tasks))
    #expect(ceiling <= 0.30, "demonstrations hardly matter: the ceiling is \(ceiling)")
  }

  /// What data/README.md asks of texts.
  private func expectWritten(_ task: ICLTask) {
    for text in task.pairs.flatMap({ [$0.input] + $0.answers }) {
      // Equal strings may differ in how they are composed: compared by their bytes.
      let composed = text.precomposedStringWithCanonicalMapping
      #expect(
        !text.contains(",") && !text.contains("->") && text.utf8.elementsEqual(composed.utf8),
        "\(task.name): '\(text)'")
    }
    for (texts, most) in [(task.pairs.map(\.output), 0.05), (task.pairs.map(\.input), 0.15)] {
      let share = Double(texts.count { $0.contains(" ") }) / Double(texts.count)
      #expect(share <= most, "\(task.name): \(share) of the texts are of several words")
    }
  }

  /// The 18 tasks of Hendel et al. 2023, and how many pairs each must have at least.
  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: shippedFolder), "no data/tasks"),
    arguments: [
      ("next_letter", 25), ("prev_letter", 25), ("list_first", 300), ("list_last", 300),
      ("to_upper", 26), ("to_lower", 26), ("fr_en", 150), ("es_en", 150), ("en_fr", 150),
      ("en_es", 150), ("antonyms", 60), ("plural_singular", 150), ("present_simple_gerund", 150),
      ("present_simple_past_simple", 150), ("country_capital", 150), ("person_language", 150),
      ("location_continent", 60), ("location_religion", 60),
    ])
  func tasksOfThePaper(name: String, fewest: Int) throws {
    let task = try TaskLibrary(folder: Self.shippedFolder).task(named: name)
    #expect(task.pairs.count >= fewest)
  }

  // MARK: Published data of others

  static let publishedFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/real/data/function_vectors/dataset_files").path

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: publishedFolder),
      "shared/real/data/function_vectors is absent"))
  func publishedTasks() throws {
    var counts: [String: TaskFile] = [:]
    for folder in ["abstractive", "extractive"] {
      let library = try TaskLibrary(
        folder: "\(Self.publishedFolder)/\(folder)", generating: false)
      for file in library.files { counts[file.task.name] = file }
    }
    #expect(counts.count == 56)
    #expect(counts.values.allSatisfy { $0.format == .list && $0.task.pairs.count >= 190 })
    // Counted independently with Python's json module.
    let capital = try #require(counts["country-capital"])
    #expect(capital.task.pairs.count == 197)
    #expect(capital.changes == .init())
    let parks = try #require(counts["national_parks"])
    #expect(parks.task.pairs.count + parks.changes.alternativesMerged == 451)
    let german = try #require(counts["english-german"])
    #expect(german.changes == .init(outputsTrimmed: 3))
    #expect(german.task.pairs.contains(.init(input: "relay", output: "Staffel")))
    #expect(try #require(counts["conll2003_person"]).changes.repeatsDropped > 0)
  }
}
