// Files written here, opened by Python's safetensors and NumPy, where a Python that has them is found.

import CheckpointIO
import Foundation
import Testing

@Suite struct PythonTests {
  @Test func pythonReadsOurFiles() throws {
    let python = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"
    guard try run(python, "import numpy, safetensors") == 0 else {
      print("skipped: pythonReadsOurFiles: \(python) has no numpy and safetensors (set PYTHON)")
      return
    }
    let folder = try TemporaryFolder()
    let values: [Float] = [0.1, -2, 3.5, .infinity, -0.0, .leastNonzeroMagnitude]
    let tensors = [
      StoredTensor(name: "blocks.0.hook_resid_post/seq3", shape: [2, 3], floats: values),
      StoredTensor(name: "ids", shape: [3], integers: [5, -6, 1 << 40]),
      StoredTensor(name: "x", shape: [2, 1], doubles: [0.1, 1e300]),
      StoredTensor(name: "none", shape: [0, 7], floats: []),
      StoredTensor(name: "scalar", shape: [], floats: [4]),
    ]
    try SafetensorsWriter.write(
      tensors: tensors, metadata: ["task": "é \"q\"", "a": "b"], to: folder.path + "/f.safetensors")
    try NPZWriter.write(tensors: tensors, to: folder.path + "/f.npz")
    try NPY.write(tensors[0], to: folder.path + "/f.npy")
    let script = """
      import numpy as np, zipfile
      from safetensors import safe_open
      folder = "\(folder.path)/"
      expected = {
        "blocks.0.hook_resid_post/seq3":
          np.array([[0.1, -2, 3.5], [np.inf, -0.0, 1e-45]], dtype="<f4"),
        "ids": np.array([5, -6, 1 << 40], dtype="<i8"),
        "x": np.array([[0.1], [1e300]]),
        "none": np.zeros((0, 7), dtype="<f4"),
        "scalar": np.float32(4),
      }
      def same(a, b):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), (a, b)
      with safe_open(folder + "f.safetensors", "np") as f:
        assert set(f.keys()) == set(expected), f.keys()
        assert f.metadata() == {"task": 'é "q"', "a": "b"}, f.metadata()
        for name in expected: same(f.get_tensor(name), expected[name])
      assert zipfile.ZipFile(folder + "f.npz").testzip() is None
      with np.load(folder + "f.npz") as f:
        assert f.files == list(expected), f.files
        for name in expected: same(f[name], expected[name])
      same(np.load(folder + "f.npy"), expected["blocks.0.hook_resid_post/seq3"])
      """
    #expect(try run(python, script) == 0)
  }

  /// The exit status of a script; -1 where there is no such Python.
  private func run(_ python: String, _ script: String) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", script]
    process.standardOutput = FileHandle.nullDevice
    let complaint = Pipe()
    process.standardError = complaint
    try process.run()
    let text = complaint.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus != 0, script.contains("\n") {
      print(String(decoding: text, as: UTF8.self))
    }
    return process.terminationStatus
  }
}
