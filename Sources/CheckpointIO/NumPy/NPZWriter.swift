// Writes .npz archives: stored entries, every time stamp 1980-01-01, 64-bit sizes, in the order given, so that
// equal arrays give equal files: byte for byte those that numpy.savez writes.

import CKernels

/// Writes `.npz` files.
public enum NPZWriter {
  /// Writes `tensors` to `path`, in their order; the file appears complete or not at all.
  ///
  /// - Throws: `CheckpointError.cannotWrite`; also for two tensors of one name, a name that would lead out of
  ///   a folder, and BF16, which NumPy lacks.
  public static func write(tensors: [StoredTensor], to path: String) throws {
    var names = Set<String>()
    for tensor in tensors {
      guard ZipDirectory.isHarmless(tensor.name), tensor.name.utf8.count <= 60_000 else {
        throw CheckpointError.cannotWrite(
          file: path, fact: "\(Excerpt.quoted(tensor.name)) cannot be the name of an entry")
      }
      guard names.insert(tensor.name).inserted else {
        throw CheckpointError.cannotWrite(
          file: path, fact: "a second tensor has the name \(Excerpt.quoted(tensor.name))")
      }
    }
    try AtomicFile.write(to: path) { output in
      var directory: [UInt8] = []
      for tensor in tensors {
        let header = try NPY.header(of: tensor, for: path)
        let checksum = ck_crc32(ck_crc32(0, header, header.count), tensor.bytes, tensor.bytes.count)
        let record = EntryRecord(
          name: Array((tensor.name + ".npy").utf8), checksum: checksum,
          size: UInt64(header.count + tensor.bytes.count), offset: UInt64(output.count))
        try output.append(record.localHeader)
        try output.append(header)
        try output.append(tensor.bytes)
        directory += record.directoryEntry
      }
      let start = UInt64(output.count)
      try output.append(directory)
      try output.append(
        end(count: UInt64(tensors.count), size: UInt64(directory.count), offset: start))
    }
  }

  private static func end(count: UInt64, size: UInt64, offset: UInt64) -> [UInt8] {
    var bytes = ByteWriter()
    let isWide = count > 0xFFFF || size > 0xFFFF_FFFF || offset > 0xFFFF_FFFF
    if isWide {
      bytes.u32(0x0606_4B50)
      bytes.u64(44)
      bytes.u16(45)
      bytes.u16(45)
      bytes.u32(0)
      bytes.u32(0)
      bytes.u64(count)
      bytes.u64(count)
      bytes.u64(size)
      bytes.u64(offset)
      bytes.u32(0x0706_4B50)
      bytes.u32(0)
      bytes.u64(offset + size)
      bytes.u32(1)
    }
    bytes.u32(0x0605_4B50)
    bytes.u32(0)
    bytes.u16(UInt16(clamping: count))
    bytes.u16(UInt16(clamping: count))
    bytes.u32(UInt32(clamping: size))
    bytes.u32(UInt32(clamping: offset))
    bytes.u16(0)
    return bytes.bytes
  }
}

/// The two records of one entry.
private struct EntryRecord {
  let name: [UInt8]
  let checksum: UInt32
  let size: UInt64
  let offset: UInt64

  /// UTF-8 is marked only where it matters.
  private var flags: UInt16 { name.allSatisfy { $0 < 0x80 } ? 0 : 0x800 }

  var localHeader: [UInt8] {
    var bytes = ByteWriter()
    bytes.u32(0x0403_4B50)
    bytes.u16(45)
    appendCommon(to: &bytes, size: .max)
    bytes.u16(UInt16(name.count))
    bytes.u16(20)
    bytes.bytes += name
    bytes.u16(1)
    bytes.u16(16)
    bytes.u64(size)
    bytes.u64(size)
    return bytes.bytes
  }

  var directoryEntry: [UInt8] {
    let narrow = UInt64(UInt32.max)
    let wide = (size >= narrow ? [size, size] : []) + (offset >= narrow ? [offset] : [])
    var bytes = ByteWriter()
    bytes.u32(0x0201_4B50)
    bytes.u16(0x032D)
    bytes.u16(45)
    appendCommon(to: &bytes, size: UInt32(clamping: size))
    bytes.u16(UInt16(name.count))
    bytes.u16(wide.isEmpty ? 0 : UInt16(4 + 8 * wide.count))
    // Comment, disk and internal attributes; then rw------- of Unix.
    bytes.u16(0)
    bytes.u16(0)
    bytes.u16(0)
    bytes.u32(0o600 << 16)
    bytes.u32(UInt32(clamping: offset))
    bytes.bytes += name
    if !wide.isEmpty {
      bytes.u16(1)
      bytes.u16(UInt16(8 * wide.count))
      for value in wide { bytes.u64(value) }
    }
    return bytes.bytes
  }

  /// Flags, method "stored", the earliest date of the format, checksum and both sizes.
  private func appendCommon(to bytes: inout ByteWriter, size: UInt32) {
    bytes.u16(flags)
    bytes.u16(0)
    bytes.u16(0)
    bytes.u16(0x0021)
    bytes.u32(checksum)
    bytes.u32(size)
    bytes.u32(size)
  }
}

/// Little-endian numbers, one after the other.
private struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func u16(_ value: UInt16) { append(value.littleEndian) }
  mutating func u32(_ value: UInt32) { append(value.littleEndian) }
  mutating func u64(_ value: UInt64) { append(value.littleEndian) }

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }
}
