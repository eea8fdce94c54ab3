// Files of tensors and of numbers: what is read is used to its last byte, and written again reads the same.

import CheckpointIO
import Foundation
import TensorCore

extension FuzzTarget {
  static let json = FuzzTarget(
    "json",
    seeds: {
      try fixtures("families", ending: "config.json", longest: 2048).suffix(6)
        + [
          Array(#"{"a": [1, -0, 0.5e-3, 1e30, true, null, "\u00e9\ud83d\ude00\n"], "": {}}"#.utf8),
          Array(
            #"[[[[[[]]]]], 9223372036854775807, -9223372036854775808, 1.7976931348623157e308]"#.utf8
          ),
        ]
    },
    prepare: { _ in
      { bytes in
        guard let json = try taken({ try JSON(parsing: bytes, file: "f.json") }) else { return }
        for pretty in [true, false] {
          let text = json.serialized(pretty: pretty)
          try require(
            try JSON(parsing: text.utf8, file: "again") == json, "read otherwise: \(text)")
        }
        _ = json.summary
      }
    })

  static let safetensors = FuzzTarget(
    "safetensors", longest: 8192, seeds: { try safetensorsSeeds() },
    prepare: { sandbox in
      { bytes in
        let path = try sandbox.write(bytes, to: "x.safetensors")
        guard let file = try taken({ try SafetensorsFile(path: path) }) else { return }
        let tensors = try use(file)
        let again = "\(sandbox.path)/again.safetensors"
        guard
          try taken({
            try SafetensorsWriter.write(tensors: tensors, metadata: file.metadata, to: again)
          }) != nil
        else { return }
        let second = try SafetensorsFile(path: again)
        try require(second.metadata == file.metadata, "other metadata")
        try require(Set(second.names) == Set(file.names), "other names")
        for tensor in tensors {
          let view = try second.tensor(named: tensor.name)
          try require(
            view.shape == tensor.shape && view.dtype == tensor.dtype
              && view.withUnsafeBytes { $0.elementsEqual(tensor.bytes) },
            "\(tensor.name.debugDescription) is another tensor")
        }
      }
    })

  static let npy = FuzzTarget(
    "npy", longest: 2048,
    seeds: { try fixtures("checkpoint", ending: ".npy", longest: 2048) },
    prepare: { sandbox in
      { bytes in
        let path = try sandbox.write(bytes, to: "x.npy")
        guard let view = try taken({ try NPY.open(path) }) else { return }
        let tensor = try use(view)
        let again = "\(sandbox.path)/again.npy"
        try NPY.write(tensor, to: again)
        let second = try NPY.open(again)
        try require(second.shape == view.shape && second.dtype == view.dtype, "other shape")
        try require(second.withUnsafeBytes { $0.elementsEqual(tensor.bytes) }, "other numbers")
      }
    })

  static let npz = FuzzTarget(
    "npz", longest: 4096,
    seeds: { try fixtures("checkpoint", ending: ".npz", longest: 4096) },
    prepare: { sandbox in
      { bytes in
        let path = try sandbox.write(bytes, to: "x.npz")
        guard let file = try taken({ try NPZFile(path: path) }),
          let tensors = try taken({ try use(file) })
        else { return }
        let again = "\(sandbox.path)/again.npz"
        guard try taken({ try NPZWriter.write(tensors: tensors, to: again) }) != nil else { return }
        let second = try NPZFile(path: again)
        try require(second.names == file.names, "other names")
        for tensor in tensors {
          let view = try second.tensor(named: tensor.name)
          try require(
            view.shape == tensor.shape && view.withUnsafeBytes { $0.elementsEqual(tensor.bytes) },
            "\(tensor.name.debugDescription) is another array")
        }
      }
    })

  static let shardIndex = FuzzTarget(
    "index",
    seeds: {
      [
        #"{"metadata": {"total_size": 8}, "weight_map": {"a": "x.safetensors", "b": "y.safetensors"}}"#,
        #"{"weight_map": {"a": "x.safetensors"}}"#,
        #"{"weight_map": {"a": "../x.safetensors", "b": "/y.safetensors"}}"#,
        #"{"weight_map": {"a": "x.safetensors", "b": "x.safetensors", "c": "y.safetensors"}}"#,
      ].map { Array($0.utf8) }
    },
    prepare: { sandbox in
      try sandbox.write(Array("{}".utf8), to: "config.json")
      for (file, name) in [("x", "a"), ("y", "b")] {
        try SafetensorsWriter.write(
          tensors: [StoredTensor(name: name, shape: [2], floats: [1, 2])],
          to: "\(sandbox.path)/\(file).safetensors")
      }
      return { bytes in
        try sandbox.write(bytes, to: "model.safetensors.index.json")
        guard let folder = try taken({ try CheckpointFolder(path: sandbox.path) }) else { return }
        for name in folder.names { _ = try use(folder.tensor(named: name)) }
        try require(
          folder.files.allSatisfy { !$0.contains("/") }, "a file outside: \(folder.files)")
      }
    })

  static let gguf = FuzzTarget(
    "gguf", longest: 1024,
    seeds: { [Array(0..<40), Array(repeating: 7, count: 100)] },
    prepare: { sandbox in
      { bytes in
        // Layers from single bytes, then what every direction holds.
        let count = Int(bytes.first ?? 0) % 8
        let layers = bytes.dropFirst().prefix(count).map { Int($0) % 40 }
        let width = bytes.dropFirst(1 + count).first.map { Int($0) % 50 } ?? 0
        let rest = Array(bytes.dropFirst(2 + count))
        let directions = layers.enumerated().map { place, layer in
          (
            layer: layer,
            values: (0..<width).map { column in
              Float(
                bitPattern: (0..<4).reduce(0) { bits, byte in
                  let index = (place * width + column) * 4 + byte
                  return bits << 8 | UInt32(index < rest.count ? rest[index] : 0)
                })
            }
          )
        }
        let name = String(decoding: rest.prefix(9), as: UTF8.self)
        let path = "\(sandbox.path)/x.gguf"
        guard
          try taken({
            try ControlVectorFile.write(directions, layers: 40, model: name, to: path)
          }) != nil
        else { return }
        var reader = GGUFReader(bytes: try FileReading.readFile(path))
        let read = try reader.controlVector()
        try require(read.model == name && read.layers == 40, "another model: \(read)")
        try require(
          read.directions.map(\.name) == layers.map { "direction.\($0)" }
            && read.directions.map { $0.values.map(\.bitPattern) }
              == directions.map { $0.values.map(\.bitPattern) },
          "other directions")
      }
    })

  private static func safetensorsSeeds() throws -> [[UInt8]] {
    let sandbox = try Sandbox()
    defer { sandbox.remove() }
    let path = "\(sandbox.path)/seed.safetensors"
    try SafetensorsWriter.write(
      tensors: [
        StoredTensor(name: "h.0.w", shape: [2, 3], floats: [1, 2, 3, 4, 5, 6]),
        StoredTensor(name: "b", shape: [2], floats: [1, .nan], as: .bfloat16),
        StoredTensor(name: "scalar", shape: [], doubles: [0.5]),
        StoredTensor(name: "none", shape: [0, 4], floats: []),
      ], metadata: ["format": "pt"], to: path)
    return try [FileReading.readFile(path)]
      + fixtures("checkpoint", ending: ".safetensors", longest: 8192)
  }
}

/// Reads a tensor in every way that it can be read.
func use(_ view: TensorView) throws -> StoredTensor {
  _ = try? view.floats()
  _ = try? view.doubles()
  _ = try? view.integers()
  let bytes = view.withUnsafeBytes { Array($0) }
  view.release()
  try require(view.withUnsafeBytes { $0.elementsEqual(bytes) }, "other bytes after release")
  try require(view.count == view.shape.reduce(1, *), "\(view.count) elements in \(view.shape)")
  return StoredTensor(name: view.name, dtype: view.dtype, shape: view.shape, bytes: bytes)
}

/// All tensors of a file.
private func use(_ file: some TensorFile) throws -> [StoredTensor] {
  try file.names.map { try use(file.tensor(named: $0)) }
}

/// As much of GGUF as a control vector needs, after ggml's docs/gguf.md.
private struct GGUFReader {
  let bytes: [UInt8]
  var place = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func controlVector() throws -> (
    model: String, layers: Int, directions: [(name: String, values: [Float])]
  ) {
    try require(bytes.starts(with: "GGUF".utf8), "no magic")
    place = 4
    try require(try integer(4) == 3, "not version 3")
    let tensors = try integer(8)
    var (model, layers, alignment) = ("", 0, 32)
    for _ in 0..<(try integer(8)) {
      let key = try text()
      switch (key, try integer(4)) {
      case ("general.architecture", 8): try require(try text() == "controlvector", "no vector")
      case ("controlvector.model_hint", 8): model = try text()
      case ("controlvector.layer_count", 4): layers = try integer(4)
      case ("general.alignment", 4): alignment = try integer(4)
      default: throw Finding("an unknown pair \(key)")
      }
    }
    var infos: [(name: String, count: Int, offset: Int)] = []
    for _ in 0..<tensors {
      let name = try text()
      try require(try integer(4) == 1, "not one axis")
      let count = try integer(8)
      try require(try integer(4) == 0, "not f32")
      let offset = try integer(8)
      try require(offset % alignment == 0, "not aligned")
      infos.append((name, count, offset))
    }
    let start = (place + alignment - 1) / alignment * alignment
    return (
      model, layers,
      try infos.map { name, count, offset in
        place = start + offset
        return (
          name, try (0..<count).map { _ in Float(bitPattern: UInt32(try integer(4))) }
        )
      }
    )
  }

  private mutating func integer(_ size: Int) throws -> Int {
    try require(place + size <= bytes.count, "the file ends at \(bytes.count)")
    defer { place += size }
    return bytes[place..<place + size].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func text() throws -> String {
    let count = try integer(8)
    try require(place + count <= bytes.count, "a text beyond the end")
    defer { place += count }
    return String(decoding: bytes[place..<place + count], as: UTF8.self)
  }
}
