// swift-tools-version: 6.1
// One package, no sub-packages. A target may import only targets listed above it (`make layers`).

import PackageDescription

let package = Package(
  name: "thetascope",
  platforms: [.macOS(.v15)],
  products: [
    .library(
      name: "Thetascope",
      targets: [
        "TensorCore", "HookPoints", "CheckpointIO", "Tokenization", "HookedModels", "ICLTasks",
        "Probes",
      ]),
    .executable(name: "thetascope", targets: ["thetascope"]),
  ],
  dependencies: [
    // The command's own: its words and help, and probe files in YAML. The libraries use neither.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "5.0.0"),
  ],
  targets: [
    .target(name: "CKernels", exclude: ["README.md"]),
    .target(name: "TensorCore", dependencies: ["CKernels"]),
    .target(name: "HookPoints", dependencies: ["TensorCore"], exclude: ["README.md"]),
    .target(
      name: "CheckpointIO", dependencies: ["CKernels", "TensorCore"], exclude: ["README.md"]),
    .target(name: "Tokenization", dependencies: ["CheckpointIO"], exclude: ["README.md"]),
    .target(
      name: "HookedModels",
      dependencies: ["CKernels", "TensorCore", "HookPoints", "CheckpointIO", "Tokenization"]),
    .target(
      name: "ICLTasks",
      dependencies: ["TensorCore", "HookPoints", "CheckpointIO", "Tokenization"]),
    .target(
      name: "Probes",
      dependencies: [
        "CKernels", "TensorCore", "HookPoints", "CheckpointIO", "Tokenization", "HookedModels",
        "ICLTasks",
      ]),

    .executableTarget(
      name: "thetascope",
      dependencies: [
        "CKernels", "TensorCore", "HookPoints", "CheckpointIO", "Tokenization", "HookedModels",
        "ICLTasks", "Probes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ]),

    .target(name: "TestSupport", dependencies: ["TensorCore"], path: "Tests/TestSupport"),
    // Readers of bytes from outside, each as a check of one input. YAML.swift is the command's, by a link.
    .target(
      name: "FuzzTargets",
      dependencies: [
        "TensorCore", "HookPoints", "CheckpointIO", "Tokenization", "HookedModels", "ICLTasks",
        "Probes", "TestSupport", .product(name: "Yams", package: "Yams"),
      ], path: "Tests/FuzzTargets"),
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "FuzzTargets", "TensorCore", "CheckpointIO", "Tokenization", "HookedModels", "ICLTasks",
        "TestSupport",
      ]),
    .testTarget(
      name: "TensorCoreTests",
      dependencies: ["TensorCore", "CKernels", "CheckpointIO", "TestSupport"]),
    .testTarget(name: "HookPointsTests", dependencies: ["HookPoints", "TestSupport"]),
    .testTarget(
      name: "CheckpointIOTests", dependencies: ["CKernels", "CheckpointIO", "TestSupport"]),
    .testTarget(
      name: "TokenizationTests",
      dependencies: ["CKernels", "CheckpointIO", "Tokenization", "TestSupport"]),
    .testTarget(name: "HookedModelsTests", dependencies: ["HookedModels", "TestSupport"]),
    .testTarget(
      name: "ICLTasksTests",
      dependencies: ["ICLTasks", "CheckpointIO", "Tokenization", "TestSupport"]),
    .testTarget(
      name: "ProbesTests",
      dependencies: [
        "Probes", "CheckpointIO", "CKernels", "TensorCore", "HookPoints", "HookedModels",
        "ICLTasks",
        "Tokenization", "TestSupport",
      ]),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "thetascope", "TensorCore", "CheckpointIO", "ICLTasks", "Probes", "TestSupport",
      ]),
  ]
)

// The executable that `make fuzz` links with libFuzzer, which ordinary builds do not have.
if Context.environment["THETASCOPE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(name: "Fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz"))
}
