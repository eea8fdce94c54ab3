// Checkpoint folders: one file, shards, and every way in which a folder is not a checkpoint.

import CheckpointIO
import Foundation
import Testing

@Suite struct CheckpointFolderTests {
  func vector(_ name: String, _ value: Float = 1) -> StoredTensor {
    StoredTensor(name: name, shape: [1], floats: [value])
  }

  /// A folder with config.json, two shards of two tensors and this index.
  func sharded(_ weightMap: JSON?) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write("{}", to: "config.json")
    try SafetensorsWriter.write(
      tensors: [vector("a", 1), vector("b", 2)],
      to: folder.path + "/model-00001-of-00002.safetensors")
    try SafetensorsWriter.write(
      tensors: [vector("c", 3), vector("d", 4)],
      to: folder.path + "/model-00002-of-00002.safetensors")
    var index: JSONObject = ["metadata": ["total_size": 16]]
    index["weight_map"] = weightMap
    try folder.write(
      JSON.object(index).serialized(pretty: true), to: "model.safetensors.index.json")
    return folder
  }

  let first: JSON = "model-00001-of-00002.safetensors"
  let second: JSON = "model-00002-of-00002.safetensors"

  /// The sentence a folder is refused with, its path written as DIR.
  func refusal(_ folder: TemporaryFolder) throws -> String? {
    do {
      _ = try CheckpointFolder(path: folder.path)
      return nil
    } catch let error as CheckpointError {
      return error.description.replacingOccurrences(of: folder.path, with: "DIR")
    }
  }

  @Test func oneFile() throws {
    let folder = try TemporaryFolder()
    try folder.write(#"{"model_type": "gpt2", "n_layer": 2}"#, to: "config.json")
    try folder.write(#"{"eos_token_id": 0}"#, to: "generation_config.json")
    try SafetensorsWriter.write(
      tensors: [vector("x", 5), vector("y", 6)], to: folder.path + "/model.safetensors")
    let checkpoint = try CheckpointFolder(path: folder.path)
    #expect(checkpoint.names == ["x", "y"])
    #expect(checkpoint.contains("x") && !checkpoint.contains("z"))
    #expect(try checkpoint.floats(named: "y") == [6])
    #expect(checkpoint.config["model_type"] == "gpt2")
    #expect(checkpoint.generationConfig?["eos_token_id"] == 0)
    #expect(checkpoint.files == ["config.json", "generation_config.json", "model.safetensors"])
    #expect(try sentence { try checkpoint.tensor(named: "z") } == "there is no tensor 'z'")
    var config = try checkpoint.configReader()
    #expect(try config.int("n_layer") == 2)
    try checkpoint.verifyUnchanged()
  }

  @Test func shards() throws {
    let folder = try sharded(["d": second, "a": first, "b": first, "c": second])
    let checkpoint = try CheckpointFolder(path: folder.path)
    #expect(checkpoint.names == ["a", "b", "c", "d"])
    #expect(try checkpoint.floats(named: "c") == [3])
    #expect(checkpoint.shards.count == 2)
    #expect(
      checkpoint.files == [
        "config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
      ])
  }

  @Test func linksAreFollowed() throws {
    let blobs = try TemporaryFolder()
    let folder = try TemporaryFolder()
    try blobs.write("{}", to: "c")
    try SafetensorsWriter.write(tensors: [vector("x")], to: blobs.path + "/w")
    for (link, target) in [("config.json", "c"), ("model.safetensors", "w")] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder.path)/\(link)", withDestinationPath: "\(blobs.path)/\(target)")
    }
    #expect(try CheckpointFolder(path: folder.path).names == ["x"])
  }

  @Test(arguments: [
    "../evil.safetensors", "/etc/evil.safetensors", "sub/model.safetensors", "..", ".", "",
    "model-00001-of-00002.safetensors\u{0}.safetensors",
  ])
  func indexesThatLeaveTheFolder(_ name: String) throws {
    let folder = try sharded(["a": .string(name), "b": first, "c": second, "d": second])
    #expect(
      try refusal(folder)
        == "DIR/model.safetensors.index.json: tensor 'a' is in \(Excerpt.quoted(name)), which is not the"
        + " name of a file in this folder")
  }

  @Test func indexesThatDisagree() throws {
    let index = "DIR/model.safetensors.index.json: "
    #expect(
      try refusal(sharded(["a": first, "b": first, "c": second]))
        == index + "tensor 'd' of 'model-00002-of-00002.safetensors' is not mentioned")
    #expect(
      try refusal(sharded(["a": first, "b": first, "c": second, "d": second, "e": second]))
        == index
        + "tensor 'e' is said to be in 'model-00002-of-00002.safetensors', which does not have it")
    #expect(
      try refusal(sharded(["a": first, "b": second, "c": second, "d": second]))
        == index
        + "tensor 'b' is said to be in 'model-00002-of-00002.safetensors', but it is in"
        + " 'model-00001-of-00002.safetensors'")
    #expect(
      try refusal(
        sharded(["a": first, "b": first, "c": second, "d": second, "e": "model-3.safetensors"]))
        == "DIR/model-3.safetensors: there is no such file, but model.safetensors.index.json names it"
    )
    #expect(
      try refusal(sharded(["a": first, "b": first, "c": second, "d": 2]))
        == index + "tensor 'd' is in the integer 2, expected the name of a file")
    #expect(
      try refusal(sharded(["a": "pytorch_model.bin"]))
        == index + "tensor 'a' is in 'pytorch_model.bin', expected a .safetensors file")
    for map: JSON? in [nil, [:], []] {
      #expect(
        try refusal(sharded(map))
          == index + "there is no 'weight_map' that is an object of tensors and their files")
    }
    let twice = try sharded(["a": first, "b": first, "c": second, "d": second])
    try SafetensorsWriter.write(
      tensors: [vector("a"), vector("c"), vector("d")],
      to: twice.path + "/model-00002-of-00002.safetensors")
    #expect(
      try refusal(twice)
        == "DIR/model-00002-of-00002.safetensors: tensor 'a' is also in another of the shards")
  }

  @Test func foldersWithoutACheckpoint() throws {
    let folder = try TemporaryFolder()
    let needs =
      "a checkpoint folder holds config.json, tokenizer.json and either model.safetensors or"
      + " model.safetensors.index.json with its shards; this one holds "
    #expect(try refusal(folder) == "DIR: there is no config.json; \(needs)nothing")
    try folder.write("{}", to: "config.json")
    try folder.write("x", to: "README.md")
    #expect(
      try refusal(folder)
        == "DIR: there is no model.safetensors; \(needs)'README.md', 'config.json'; the weights of a gated model come "
        + "only after its terms are accepted, and those of a clone with git-lfs")
    #expect(
      try sentence { try CheckpointFolder(path: folder.path + "/absent") }
        == "there is no such folder, and nothing is downloaded here")
    #expect(
      try sentence { try CheckpointFolder(path: folder.path + "/README.md") }
        == "this is a file, expected a folder with config.json and model.safetensors")
    try folder.write("[]", to: "config.json")
    #expect(
      try refusal(folder) == "DIR/config.json: the document is an array of 0, expected an object")
    try folder.write("{", to: "config.json")
    #expect(try refusal(folder)?.hasPrefix("DIR/config.json: line 1, column 2 (byte 1): ") == true)
  }

  @Test(arguments: [
    ("pytorch_model.bin", "pytorch_model*.bin"),
    ("pytorch_model-00001-of-00002.bin", "pytorch_model*.bin"),
    ("weights.bin", "*.bin"), ("model.pt", "*.pt"), ("consolidated.00.pth", "*.pth"),
  ])
  func picklesOnly(_ name: String, _ pattern: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("{}", to: "config.json")
    try folder.write("x", to: name)
    try folder.write("x", to: "training_args.bin")
    #expect(
      try refusal(folder)
        == "DIR: the weights are in '\(name)', a pickle, which is not read here because a pickle can run"
        + " code; this command, run in that folder, makes model.safetensors of it: python3 -c"
        + " \"import glob, torch; from safetensors.torch import save_file; d = {};"
        + " [d.update(torch.load(f, map_location='cpu', weights_only=True))"
        + " for f in sorted(glob.glob('\(pattern)'))];"
        + " save_file({k: v.clone().contiguous() for k, v in d.items()}, 'model.safetensors',"
        + " {'format': 'pt'})\"")
  }

  @Test func whatATrainerLeavesIsNoCheckpoint() throws {
    let folder = try TemporaryFolder()
    for name in ["config.json", "training_args.bin", "optimizer.pt", "rng_state.pth"] {
      try folder.write("{}", to: name)
    }
    #expect(try refusal(folder)?.hasPrefix("DIR: there is no model.safetensors;") == true)
  }
}
