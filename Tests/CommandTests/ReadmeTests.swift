// The README and the articles on the laboratories are held against what they speak of: their numbers against rows of full
// runs (data/results), commands against the command, the program against the compiler, the dictionary against the code.

import CheckpointIO
import Foundation
import Probes
import TensorCore
import TestSupport
import Testing

private func contents(_ path: String) throws -> String {
  String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
}

/// Runs of blanks and ends of lines as one blank each.
private func flat(_ text: some StringProtocol) -> String {
  text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
}

extension CommandTests {
  @Suite struct ReadmeTests {
    /// The README, then the articles.
    let text: String
    let numbers: ReadmeNumbers

    init() throws {
      let articles = "Sources/Probes/Documentation.docc"
      let files = try FileManager.default.contentsOfDirectory(
        atPath: "\(packageFolder)/\(articles)")
      text = try (["README.md"] + files.sorted().map { "\(articles)/\($0)" }).map {
        try contents("\(packageFolder)/\($0)")
      }.joined(separator: "\n")
      numbers = try ReadmeNumbers(try contents(fixture("readme/numbers.txt")))
    }

    /// The fenced blocks of a language, and everything outside of fences.
    private func blocks(_ language: String) -> [String] { parts.blocks[language] ?? [] }
    private var parts: (blocks: [String: [String]], prose: String) {
      var (blocks, prose, open) = ([String: [String]](), "", String?.none)
      for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
        if line.hasPrefix("```") {
          if open == nil {
            open = String(line.dropFirst(3))
            blocks[open ?? "", default: []].append("")
          } else {
            open = nil
          }
        } else if let language = open {
          let last = (blocks[language] ?? []).count - 1
          blocks[language]?[last] += line + "\n"
        } else {
          prose += line + "\n"
        }
      }
      return (blocks, prose)
    }

    // MARK: Numbers

    /// Every line of numbers.txt stands in the texts with the numbers of its rows, and no other number does. With
    /// RESULTS=FOLDER the rows are those of the full runs that are there (`make results`), and data/results must be what they
    /// give; RECORD=1 writes it anew.
    @Test func numbersAreThoseOfTheRuns() throws {
      let runs = ProcessInfo.processInfo.environment["RESULTS"]
      var tables: [String: CellTable] = [:]
      var used: [String: Set<Int>] = [:]
      func extract(_ run: String) -> String { "\(packageFolder)/data/results/\(run).csv" }
      for (run, _) in numbers.runs {
        let full = "\(runs ?? "")/\(run)/results.csv"
        let table = try CellTable(
          path: FileManager.default.fileExists(atPath: full) ? full : extract(run))
        tables[run] = table
        used[run] = try numbers.kept[run].map { Set(try table.rows($0)) } ?? []
      }
      for (name, path) in numbers.files {
        tables[name] = try CellTable(path: "\(packageFolder)/\(path)")
      }
      var rest = " " + flat(text)
      func strike(_ text: String) -> Bool {
        guard let place = rest.range(of: text) else { return false }
        // What is struck out is no longer a number, and keeps its length.
        rest.replaceSubrange(
          place, with: String(rest[place].map { $0.isNumber ? "#" : $0 }))
        return true
      }
      for template in numbers.templates {
        guard let table = tables[template.run] else {
          throw ReadmeNumbers.Problem("numbers.txt:\(template.line): no run '\(template.run)'")
        }
        do {
          let text = try numbers.text(of: template, table) { used[template.run]?.insert($0) }
          #expect(
            strike(flat(text)), "numbers.txt:\(template.line): nobody says: \(text)")
        } catch let problem as ReadmeNumbers.Problem {
          Issue.record("\(problem)")
        }
      }
      for text in numbers.given {
        #expect(strike(flat(text)), "numbers.txt: nobody says: \(text)")
      }
      // Outside of code every number is measured, or given in numbers.txt; what holds letters or hyphens is a name.
      let prose = ReadmeTests.withoutNames(rest)
      for word in prose.matches(of: /[\p{L}0-9_.,-]*[0-9][\p{L}0-9_.,-]*/)
      where word.output.wholeMatch(of: /[0-9.,]*[0-9](e-[0-9]+)?[.,]*/) != nil {
        Issue.record(
          "numbers.txt gives no \(word.output) as in: …\(prose[..<word.range.upperBound].suffix(60))"
        )
      }
      // The extracts hold the rows in use and nothing else.
      for (run, _) in numbers.runs {
        guard let table = tables[run], let rows = used[run] else { continue }
        let found = Data(table.csv(of: rows))
        if ProcessInfo.processInfo.environment["RECORD"] == "1", runs != nil {
          try found.write(to: URL(fileURLWithPath: extract(run)))
          Issue.record("\(extract(run)) was recorded anew")
        } else {
          #expect(
            try found == Data(contentsOf: URL(fileURLWithPath: extract(run))),
            "data/results/\(run).csv")
        }
      }
    }

    /// What `make run` prints, made anew from the rows that are kept.
    @Test func theTerminalShowsThis() throws {
      let models = ["softmax-plain", "softmax", "linear-plain", "linear"]
      for model in models where !isThere("data/models/\(model)/model.safetensors") {
        return print("skipped: theTerminalShowsThis: data/models/\(model) is not there")
      }
      let spec: JSON = [
        "probe": "task-vectors", "template": "arrow",
        "models": .array(models.map { .string("\(packageFolder)/data/models/\($0)") }),
        "tasks_folder": .string("\(packageFolder)/data/tasks"),
      ]
      let probe = try ProbeRegistry.prepare(
        SpecTree(spec, file: "\(packageFolder)/probes/task-vectors.yaml"), small: false,
        on: ComputeContext(threads: 1))
      let rows = try CSVReader.table(
        at: "\(packageFolder)/data/results/task-vectors.csv", .results
      ).rows(as: ResultRow.self)
      let shown = probe.summary(rows, .plain).split(
        separator: "\n", omittingEmptySubsequences: false)
      let trimmed = shown.map { $0.replacing(#/ +$/#, with: "") }.joined(separator: "\n")
      #expect(blocks("").contains { $0 == trimmed + "\n" }, "the README does not show:\n\(trimmed)")
    }

    // MARK: Commands

    private func isThere(_ path: String) -> Bool {
      FileManager.default.fileExists(atPath: "\(packageFolder)/\(path)")
    }

    /// A folder in which the README's commands can be tried: the project's data and probes, `gpt2` in the guise of a
    /// shipped model, and the files that a person would have written.
    private func desk() throws -> Workspace {
      let space = try Workspace()
      let models = "\(packageFolder)/data/models"
      for (link, target) in [
        ("data", "\(packageFolder)/data"), ("probes", "\(packageFolder)/probes"),
        ("gpt2", "\(models)/softmax"),
      ] {
        try FileManager.default.createSymbolicLink(
          atPath: "\(space.path)/\(link)", withDestinationPath: target)
      }
      try space.write(blocks("json").first ?? "", to: "mine/words/opposites.json")
      try space.write(
        contents("\(packageFolder)/data/classification/topic.jsonl"), to: "mine.jsonl")
      return space
    }

    private func shell(_ line: String, in space: Workspace) throws -> (status: Int32, talk: String)
    {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", line]
      process.currentDirectoryURL = URL(fileURLWithPath: space.path)
      let tools = URL(fileURLWithPath: Command.path).deletingLastPathComponent().path
      process.environment = ProcessInfo.processInfo.environment.merging([
        "PATH": tools + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? ""),
        "THETASCOPE_CACHE": "\(space.path)/cache",
      ]) { $1 }
      let talk = "\(space.path)/talk"
      try Data().write(to: URL(fileURLWithPath: talk))
      process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: talk))
      process.standardOutput = FileHandle.nullDevice
      process.standardInput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return (process.terminationStatus, try space.text("talk"))
    }

    /// Every command is run, in the README's order: probes with their overlay of seconds or planned, `gpt2` with a shipped
    /// model.
    @Test func commandsWork() throws {
      guard isThere("data/models/softmax/model.safetensors") else {
        return print("skipped: commandsWork: data/models/softmax is not there")
      }
      let space = try desk()
      var tried = 0
      for line in blocks("sh").joined().split(separator: "\n") {
        let first = line.prefix { $0 != " " }
        switch first {
        case "thetascope":
          // The shipped models know another format than the paper's. Of the probes that ShippedProbeTests runs the plan is
          // enough: it refuses what `run` refuses.
          let command = line.replacing(/^thetascope (run|plan|slurm) (\S+)/) {
            let (verb, file) = ($0.output.1, $0.output.2)
            return file.hasSuffix("/hendel.yaml")
              ? "thetascope \(verb) \(file) --small"
              : "thetascope plan \(file) --small"
          }.replacing("thetascope extract", with: "thetascope extract --template arrow")
          let (status, talk) = try shell(String(command), in: space)
          // `diff` says 1 where runs differ.
          #expect(
            status == 0 || (status == 1 && line.hasPrefix("thetascope diff")),
            "\(line)\nended with \(status): \(talk)")
          tried += 1
        case "make":
          let target = line.dropFirst(5).prefix { $0 != " " }
          #expect(try contents("\(packageFolder)/Makefile").contains("\n\(target):"), "\(line)")
        case "git", "sh": break  // a download; what `slurm` wrote
        case "python3": #expect(isThere(String(line.split(separator: " ")[1])), "\(line)")
        default: Issue.record("no one knows how to try: \(line)")
        }
      }
      #expect(tried > 20)
    }

    /// What prose names in backticks is there: commands and their probe files, targets, files.
    @Test func whatProseNamesIsThere() throws {
      let prose = parts.prose
      let makefile = try contents("\(packageFolder)/Makefile")
      let space = try desk()
      for match in prose.matches(of: /`([^`]+)`/) {
        let code = match.output.1
        if code.hasPrefix("thetascope ") {
          let command = flat(code).split(separator: " ").dropFirst().first.map(String.init) ?? ""
          // An option of the command itself is no subcommand; `help` would take it as its own.
          guard !command.hasPrefix("-") else { continue }
          #expect(try shell("thetascope help \(command)", in: space).status == 0, "\(code)")
        } else if code.hasPrefix("make ") {
          let target = code.dropFirst(5).prefix { $0 != " " }
          #expect(makefile.contains("\n\(target):"), "\(code)")
        }
      }
      for match in prose.matches(of: /(?:probes|data|Tests|Sources)\/[\w.\/*{},-]+/) {
        var path = String(match.output)
        while let last = path.last, ".,".contains(last) { path.removeLast() }
        guard !path.contains("*"), !path.contains("<") else { continue }
        let names = path.wholeMatch(of: /(.*)\{(.*)\}(.*)/).map { whole in
          whole.output.2.split(separator: ",").map { "\(whole.output.1)\($0)\(whole.output.3)" }
        }
        for name in names ?? [path] where !name.hasPrefix("data/tasks/") {
          #expect(isThere(name), "\(name)")
        }
      }
      for match in prose.matches(of: /\]\(#([^)]+)\)/) {
        let headings = prose.matches(of: /(?m)^#+ (.*)$/).map { heading in
          heading.output.1.lowercased().filter { $0.isLetter || $0.isNumber || " -".contains($0) }
            .replacing(" ", with: "-")
        }
        #expect(headings.contains(String(match.output.1)), "no heading #\(match.output.1)")
      }
    }

    // MARK: Programs

    /// The Swift program, compiled against the modules of this build, prints what the README says.
    @Test func theSwiftProgramPrintsThis() throws {
      let build = URL(fileURLWithPath: Command.path).deletingLastPathComponent().path
      guard isThere("data/models/softmax/model.safetensors"), let program = blocks("swift").first,
        FileManager.default.fileExists(atPath: build + "/Modules/HookedModels.swiftmodule")
      else {
        return print("skipped: theSwiftProgramPrintsThis: no model, or no modules beside the test")
      }
      let sanitizers = ["__asan_init", "__tsan_init"]
      guard !sanitizers.contains(where: { dlsym(nil, $0) != nil }) else {
        return print("skipped: theSwiftProgramPrintsThis: this build's objects want a sanitizer")
      }
      let space = try desk()
      guard try shell("swiftc --version", in: space).status == 0 else {
        return print("skipped: theSwiftProgramPrintsThis: there is no swiftc")
      }
      try space.write(program, to: "main.swift")
      let modules = [
        "CKernels", "TensorCore", "HookPoints", "CheckpointIO", "Tokenization", "HookedModels",
      ]
      // Not those of sources that are no longer there.
      let objects = modules.map {
        "$(cd \(build)/\($0).build && for o in $(find \"$PWD\" -name '*.o'); do s=${o##*/}; "
          + "[ -z \"$(find \(packageFolder)/Sources/\($0) -name \"${s%.o}\")\" ] || echo $o; done)"
      }.joined(separator: " ")
      let compiled = try shell(
        "swiftc -I \(build)/Modules -Xcc -fmodule-map-file=\(build)/CKernels.build/module.modulemap "
          + "main.swift \(objects) -o program", in: space)
      #expect(compiled.status == 0, "\(compiled.talk)")
      #expect(try shell("./program > said", in: space).status == 0)
      let said = try space.text("said")
      #expect(blocks("").contains(said), "the program prints: \(said)")
    }

    /// Python with pandas and matplotlib; nil, and a line that says so, where it is not there.
    private func python(for test: String = #function) throws -> String? {
      let name = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"
      guard try shell("\(name) -c 'import pandas, matplotlib'", in: try Workspace()).status == 0
      else {
        print("skipped: \(test): \(name) with pandas and matplotlib is not here")
        return nil
      }
      return "MPLBACKEND=Agg " + name
    }

    /// The picture's ten lines draw it.
    @Test func theTenLinesDraw() throws {
      guard let python = try python() else { return }
      let space = try Workspace()
      try space.write(
        contents("\(packageFolder)/data/results/task-vectors.csv"),
        to: "runs/task-vectors-1/results.csv")
      let lines = try #require(blocks("python").first)
      #expect(lines.split(separator: "\n").count <= 10)
      try space.write(lines, to: "picture.py")
      let drawn = try shell("\(python) picture.py", in: space)
      #expect(drawn.status == 0, "\(drawn.talk)")
      #expect(try space.bytes("layers.png").starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }

    // MARK: The dictionary

    /// data/dictionary.md and the README's list of tables are what the code says; RECORD=1 writes them.
    @Test func theDictionaryIsTheCodes() throws {
      try expectGenerated(DataDictionary.markdown, "data/dictionary.md") { _, text in text }
      try expectGenerated(DataDictionary.tableList, "README.md") { readme, text in
        readme.replacing(/(<!-- generated[^>]*-->\n)[\s\S]*?(<!-- end -->)/) {
          "\($0.output.1)\n\(text)\n\($0.output.2)"
        }
      }
    }

    private func expectGenerated(
      _ text: String, _ file: String, _ place: (String, String) -> String
    ) throws {
      let path = "\(packageFolder)/\(file)"
      let old = isThere(file) ? try contents(path) : ""
      let new = place(old, text)
      guard old != new else { return }
      if ProcessInfo.processInfo.environment["RECORD"] == "1" {
        try Data(new.utf8).write(to: URL(fileURLWithPath: path))
      }
      Issue.record("\(file) is not as the code has it; RECORD=1 writes it anew")
    }

    /// Whoever reads an entry learns what the number is and whose: a sentence; of a metric its formula, its range or unit, when
    /// it is empty and its source; of a condition its source; of a column that is computed its formula and source.
    @Test func entriesAreWhole() {
      for entry in DataDictionary.all {
        let own = entry.documentation
        #expect(
          own.meaning.count > 8 && own.meaning.hasSuffix("."), "\(entry.name): \(own.meaning)")
        guard entry.kind == "metric" || entry.kind == "condition" else { continue }
        #expect(own.source?.isEmpty == false, "\(entry.name) has no source")
        guard entry.kind == "metric" else { continue }
        #expect(own.formula?.isEmpty == false, "\(entry.name) has no formula")
        #expect(own.range != nil || own.unit != nil, "\(entry.name) has neither range nor unit")
        #expect(own.whenEmpty != nil, "\(entry.name) does not say when it is empty")
      }
      #expect(Set(DataDictionary.metrics.map(\.name)).count == DataDictionary.metrics.count)
      for table in DataDictionary.tables.flatMap(\.tables) {
        for column in table.columns where column.kind == .real || column.kind == .truth {
          #expect(column.formula?.isEmpty == false, "\(table.file): \(column.name) has no formula")
          #expect(column.source?.isEmpty == false, "\(table.file): \(column.name) has no source")
        }
      }
    }

    /// A text, its white space flat, without code, links, comments and numerals that name: papers and their sections, years,
    /// steps of a list of headings, a layer, block, step or seed.
    private static func withoutNames(_ text: String) -> String {
      text.replacing(/```.*?```/, with: " ").replacing(/``[^`]*``|`[^`]*`/, with: "`code`")
        .replacing(/\d{4}\.\d{5}/, with: "arXiv").replacing(/\]\([^)]*\)/, with: "]")
        .replacing(/§\d+(\.\d+)*/, with: "§").replacing(/<!--.*?-->/, with: "")
        .replacing(#/#+ \d+\. /#, with: "# ")
        .replacing(/(al\.|[A-Z]\p{L}+) (19|20)\d\d\b/) { "\($0.output.1)" }
        .replacing(/\b(layers?|blocks?|steps?|seeds?) \d+/) { "\($0.output.1)" }
    }
  }
}
