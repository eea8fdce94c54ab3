// What the types forbid must not compile: the compiler is asked, with the modules that this test was built
// with. The same lines with the right layouts do compile, so that the refusals are of the types.

import Foundation
import Testing

@Suite struct CompileFailureTests {
  @Test func layoutsThatDoNotFitDoNotCompile() throws {
    guard let build = Self.buildFolder else {
      print("skipped: layoutsThatDoNotFitDoNotCompile: no swiftc, or no modules beside the test")
      return
    }
    let right = [
      "Intervention.add(ActivationVector<Pattern>([1]), to: Site<Pattern>.pattern(3), at: .last)",
      "Site<Residual>.residPost(3)",
      "Intervention.replace(.residPost(3), with: ActivationVector<Residual>([1]), at: .last)",
      "ActivationVector<Scores>([1]) + ActivationVector<Scores>([1])",
    ]
    let wrong = [
      "Intervention.add(ActivationVector<Residual>([1]), to: Site<Pattern>.pattern(3), at: .last)",
      "Site<Pattern>.residPost(3)",
      "Intervention.replace(.z(3), with: ActivationVector<Residual>([1]), at: .last)",
      "ActivationVector<Scores>([1]) + ActivationVector<Pattern>([1])",
    ]
    #expect(try Self.compiles(right, build))
    for line in wrong { #expect(try !Self.compiles([line], build), "\(line)") }
  }

  /// Where the modules of this build lie; nil where a compiler cannot be run on them.
  private static var buildFolder: URL? {
    let files = FileManager.default
    guard let executable = Bundle.main.executableURL else { return nil }
    let folder = executable.deletingLastPathComponent()
    guard files.fileExists(atPath: folder.path + "/Modules/HookPoints.swiftmodule"),
      files.fileExists(atPath: folder.path + "/CKernels.build/module.modulemap"),
      (try? run(["--version"])) == 0
    else { return nil }
    return folder
  }

  private static func compiles(_ lines: [String], _ build: URL) throws -> Bool {
    let source = FileManager.default.temporaryDirectory.appendingPathComponent(
      "compile-failure-\(UUID().uuidString).swift")
    defer { try? FileManager.default.removeItem(at: source) }
    let text = "import HookPoints\n" + lines.map { "_ = \($0)\n" }.joined()
    try text.write(to: source, atomically: true, encoding: .utf8)
    return try run([
      "-typecheck", "-I", build.path + "/Modules",
      "-Xcc", "-fmodule-map-file=" + build.path + "/CKernels.build/module.modulemap", source.path,
    ]) == 0
  }

  private static func run(_ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["swiftc"] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
