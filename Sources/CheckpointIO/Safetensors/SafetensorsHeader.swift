// The header of a safetensors file, verified completely before anything else is believed:
// 8 bytes of length, JSON, then the data, which the tensors must cover without gap and without overlap.
// Format: github.com/huggingface/safetensors, README, "Format".

/// What the header of a safetensors file says.
struct SafetensorsHeader {
  struct Entry {
    let name: String
    let dtype: StorageType
    let shape: [Int]
    /// In bytes from the beginning of the file.
    var range: Range<Int>
  }

  /// In the order of the data.
  let entries: [Entry]
  let metadata: [String: String]

  /// The most bytes a header may have.
  static let longest = InputLimits.safetensorsHeader

  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - file: what messages call it.
  init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    func invalid(_ fact: String) -> CheckpointError { .invalidSafetensors(file: file, fact: fact) }

    if bytes.starts(with: "version https://git-lfs".utf8) {
      throw invalid("this is a Git LFS pointer and not the file itself; `git lfs pull` fetches it")
    }
    guard bytes.count >= 8 else {
      throw invalid("the file has \(bytes.count) bytes, too few for the header's length (8 bytes)")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(Self.longest) else {
      throw invalid("the header is said to have \(length) bytes, the limit is \(Self.longest)")
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= bytes.count else {
      throw invalid(
        "the header is said to have \(length) bytes, but only \(bytes.count - 8) follow its length")
    }
    let text = bytes[8..<dataStart]
    guard text.first == UInt8(ascii: "{"),
      text.last(where: { $0 != 0x20 }) == UInt8(ascii: "}")
    else { throw invalid("the header is not one JSON object, padded with spaces alone") }
    let header: JSON
    do {
      // A copy: the mapped bytes could change while they are read.
      header = try JSON(parsing: Array(text), file: file)
    } catch CheckpointError.invalidJSON(_, let fact, let offset, _, _) {
      throw invalid("the header is not JSON: \(fact) (byte \(8 + offset))")
    }
    guard let members = header.objectValue else { throw invalid("the header is not an object") }
    guard members.count <= InputLimits.tensors else {
      throw invalid(
        "the header names \(members.count) tensors, the limit is \(InputLimits.tensors)")
    }

    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    for (name, value) in members {
      if name.hasSameBytes(as: "__metadata__") {
        metadata = try Self.metadata(value, invalid)
      } else {
        entries.append(try Self.entry(name, value, invalid))
      }
    }
    try Self.verifyCoverage(&entries, dataStart..<bytes.count, invalid)
    self.entries = entries
    self.metadata = metadata
  }

  private static func metadata(
    _ value: JSON, _ invalid: (String) -> CheckpointError
  ) throws -> [String: String] {
    guard let members = value.objectValue else {
      throw invalid("'__metadata__' is \(value.summary), expected an object of strings")
    }
    var result: [String: String] = [:]
    for (key, value) in members {
      guard let text = value.stringValue else {
        throw invalid(
          "'__metadata__' has \(value.summary) under \(Excerpt.quoted(key)), expected a string")
      }
      guard result.updateValue(text, forKey: key) == nil else {
        throw invalid("'__metadata__' has two keys that are the same text, \(Excerpt.quoted(key))")
      }
    }
    return result
  }

  /// One tensor; its range is still relative to the data.
  private static func entry(
    _ name: String, _ value: JSON, _ invalid: (String) -> CheckpointError
  ) throws -> Entry {
    // Made for a message only: a checkpoint may have thousands.
    var title: String { "tensor \(Excerpt.quoted(name))" }
    guard let members = value.objectValue else {
      throw invalid("\(title) is \(value.summary), expected an object")
    }
    if let key = members.keys.first(where: { !["dtype", "shape", "data_offsets"].contains($0) }) {
      throw invalid("\(title) has the unknown key \(Excerpt.quoted(key))")
    }
    guard let dtypeName = members["dtype"]?.stringValue else {
      throw invalid("\(title) has no 'dtype' that is a string")
    }
    guard let dtype = StorageType(rawValue: dtypeName) else {
      let known = StorageType.allCases.map(\.rawValue).joined(separator: ", ")
      throw invalid(
        "\(title) has dtype \(Excerpt.quoted(dtypeName)), which is not read here (\(known))")
    }
    guard let shape = members["shape"]?.naturalNumbers else {
      throw invalid("\(title) has no 'shape' that is an array of integers, none negative")
    }
    var size = dtype.size
    for axis in shape {
      let (product, tooLarge) = size.multipliedReportingOverflow(by: axis)
      guard !tooLarge else {
        throw invalid("\(title) has a shape whose size in bytes is beyond 64 bits")
      }
      size = product
    }
    guard let offsets = members["data_offsets"]?.naturalNumbers, offsets.count == 2 else {
      throw invalid("\(title) has no 'data_offsets' that are two integers, none negative")
    }
    guard offsets[0] <= offsets[1] else {
      throw invalid(
        "\(title) ends at byte \(offsets[1]) of the data, before its begin \(offsets[0])")
    }
    guard offsets[1] - offsets[0] == size else {
      throw invalid(
        "\(title) has \(offsets[1] - offsets[0]) bytes of data, but \(dtypeName) of its shape needs"
          + " \(size)")
    }
    return Entry(name: name, dtype: dtype, shape: shape, range: offsets[0]..<offsets[1])
  }

  /// Puts the entries in the order of their data, verifies that they cover `data` exactly, and makes their
  /// ranges those of the file.
  private static func verifyCoverage(
    _ entries: inout [Entry], _ data: Range<Int>, _ invalid: (String) -> CheckpointError
  ) throws {
    // Stable: tensors without elements share an offset.
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = 0
    for index in entries.indices {
      let entry = entries[index]
      var title: String { "tensor \(Excerpt.quoted(entry.name))" }
      guard entry.range.lowerBound >= end else {
        throw invalid(
          "\(title) begins at byte \(entry.range.lowerBound) of the data, inside the tensor before it,"
            + " which ends at \(end)")
      }
      guard entry.range.lowerBound == end else {
        throw invalid(
          "bytes \(end) to \(entry.range.lowerBound) of the data, before \(title), belong to no tensor"
        )
      }
      guard entry.range.upperBound <= data.count else {
        throw invalid(
          "\(title) ends at byte \(entry.range.upperBound) of the data, but the file holds"
            + " \(data.count); it was cut off, download it again")
      }
      end = entry.range.upperBound
      entries[index].range = data.lowerBound + entry.range.lowerBound..<data.lowerBound + end
    }
    guard end == data.count else {
      throw invalid("the tensors end at byte \(end) of the data, but the file holds \(data.count)")
    }
    var seen = Set<String>()
    for entry in entries where !seen.insert(entry.name).inserted {
      throw invalid("two tensors have names that are the same text, \(Excerpt.quoted(entry.name))")
    }
  }
}

extension JSON {
  /// The elements of an array of integers ≥ 0; nil for anything else.
  fileprivate var naturalNumbers: [Int]? {
    guard let elements = arrayValue else { return nil }
    let numbers = elements.compactMap(\.intValue)
    return numbers.count == elements.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
  }
}
