// Fuzz: feeds one target from libFuzzer. `Fuzz TARGET [libFuzzer's flags and corpus folders]`; `Fuzz seeds TARGET FOLDER`
// writes what to begin from; `Fuzz list` names the targets. Built by `make fuzz` only.

import Foundation
import FuzzTargets

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

nonisolated(unsafe) var check: FuzzTarget.Check = { _ in }

func target(named name: String) -> FuzzTarget {
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fatalError("there is no target '\(name)'")
  }
  return target
}

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "list": for target in FuzzTarget.all { print(target.name, target.longest) }
case "seeds" where arguments.count == 4:
  let chosen = target(named: arguments[2])
  let inputs = try chosen.seeds() + chosen.regressions().map(\.bytes)
  try FileManager.default.createDirectory(atPath: arguments[3], withIntermediateDirectories: true)
  for (index, input) in inputs.enumerated() {
    try Data(input).write(to: URL(fileURLWithPath: "\(arguments[3])/seed-\(index)"))
  }
case let name?:
  let sandbox = try Sandbox()
  check = try target(named: name).prepare(sandbox)
  var count = CommandLine.argc - 1
  // The program's name is the driver's first argument.
  var list = CommandLine.unsafeArgv + 1
  let status = runDriver(&count, &list) { data, count in
    do {
      try check(Array(UnsafeBufferPointer(start: data, count: count)))
    } catch { fatalError("\(error)") }
    return 0
  }
  sandbox.remove()
  exit(status)
case nil: fatalError("name a target; `Fuzz list` shows them")
}
