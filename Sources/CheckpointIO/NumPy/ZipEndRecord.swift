// The end of a zip archive: where its directory lies and how many entries it has, in 32 or 64 bits, and the
// cursor that all of the archive's records are read with.

/// What the records at the end of an archive say.
struct EndRecord {
  let count: Int
  let directory: Range<Int>

  init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    func invalid(_ fact: String) -> CheckpointError { .invalidNumPy(file: file, fact: fact) }

    guard let start = Self.start(in: bytes) else {
      throw invalid("the file is no .npz archive, or its end is cut off")
    }
    var reader = ByteReader(bytes, at: start + 4, end: bytes.count)
    guard let disk = reader.u16(), let directoryDisk = reader.u16(), let here = reader.u16(),
      let total = reader.u16(), let size = reader.u32(), let offset = reader.u32()
    else { throw invalid("the end of the archive is cut off") }
    var fields = (
      disks: [UInt64(disk), UInt64(directoryDisk)], counts: [UInt64(here), UInt64(total)],
      size: UInt64(size), offset: UInt64(offset)
    )
    var end = start
    if let wide = try Self.wideRecord(bytes, before: start, invalid) {
      end = wide.start
      fields = wide.fields
    }
    guard fields.disks == [0, 0], fields.counts[0] == fields.counts[1] else {
      throw invalid("the archive is one of several parts")
    }
    guard let size = Int(exactly: fields.size), let offset = Int(exactly: fields.offset),
      size <= end, offset == end - size
    else {
      throw invalid(
        "the directory of the archive is said to have \(fields.size) bytes from byte \(fields.offset),"
          + " but it ends at byte \(end)")
    }
    // An entry takes 46 bytes or more, so the count is bounded by the file.
    guard fields.counts[0] <= UInt64(size / 46) else {
      throw invalid(
        "the archive is said to have \(fields.counts[0]) entries, for which its directory is too small"
      )
    }
    count = Int(fields.counts[0])
    directory = offset..<end
  }

  /// Where the end record begins: the last place whose comment reaches exactly to the end of the file.
  private static func start(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 22 else { return nil }
    let earliest = max(0, bytes.count - 22 - 65_535)
    return stride(from: bytes.count - 22, through: earliest, by: -1).first { start in
      var reader = ByteReader(bytes, at: start, end: bytes.count)
      guard reader.u32() == 0x0605_4B50, reader.bytes(16) != nil, let comment = reader.u16() else {
        return false
      }
      return Int(comment) == bytes.count - start - 22
    }
  }

  private static func wideRecord(
    _ bytes: UnsafeRawBufferPointer, before start: Int, _ invalid: (String) -> CheckpointError
  ) throws -> (
    start: Int, fields: (disks: [UInt64], counts: [UInt64], size: UInt64, offset: UInt64)
  )? {
    guard start >= 20 else { return nil }
    var locator = ByteReader(bytes, at: start - 20, end: start)
    guard locator.u32() == 0x0706_4B50 else { return nil }
    guard let disk = locator.u32(), let position = locator.u64(), let disks = locator.u32(),
      disk == 0, disks <= 1, let wideStart = Int(exactly: position), wideStart <= start - 20
    else { throw invalid("the 64-bit end of the archive is not where it is said to be") }
    var reader = ByteReader(bytes, at: wideStart, end: start - 20)
    guard reader.u32() == 0x0606_4B50, let length = reader.u64(),
      // Versions made by and needed.
      reader.u32() != nil, let ownDisk = reader.u32(), let directoryDisk = reader.u32(),
      let here = reader.u64(), let total = reader.u64(), let size = reader.u64(),
      let offset = reader.u64(), length == UInt64(start - 20 - wideStart - 12)
    else { throw invalid("the 64-bit end of the archive is damaged") }
    return (
      wideStart,
      (
        disks: [UInt64(ownDisk), UInt64(directoryDisk)], counts: [here, total], size: size,
        offset: offset
      )
    )
  }
}

/// Sizes and offset of an entry, 32 bits wide or, where those are all ones, 64 bits in the extra field.
struct ZipFields {
  var size: UInt64
  var stored: UInt64
  var offset: UInt64

  /// Replaces what is all ones; false when the extra field does not hold it.
  mutating func widen(from extra: inout ByteReader) -> Bool {
    let narrow = UInt64(UInt32.max)
    var done = false
    while extra.position < extra.end {
      guard let kind = extra.u16(), let length = extra.u16(), var field = extra.reader(Int(length))
      else { return false }
      guard kind == 1, !done else { continue }
      done = true
      for part in [\ZipFields.size, \.stored, \.offset] where self[keyPath: part] == narrow {
        guard let value = field.u64() else { return false }
        self[keyPath: part] = value
      }
    }
    return done || (size != narrow && stored != narrow && offset != narrow)
  }
}

/// A cursor over little-endian numbers; nil once they end.
struct ByteReader {
  private let base: UnsafeRawBufferPointer
  private(set) var position: Int
  let end: Int

  init(_ base: UnsafeRawBufferPointer, at position: Int, end: Int) {
    precondition(position >= 0 && position <= end && end <= base.count)
    self.base = base
    self.position = position
    self.end = end
  }

  mutating func u16() -> UInt16? { integer() }
  mutating func u32() -> UInt32? { integer() }
  mutating func u64() -> UInt64? { integer() }

  mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count <= end - position else { return nil }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: base[position..<position + count])
  }

  /// A cursor over the next `count` bytes, which this one steps over.
  mutating func reader(_ count: Int) -> ByteReader? {
    guard count <= end - position else { return nil }
    defer { position += count }
    return ByteReader(base, at: position, end: position + count)
  }

  private mutating func integer<Value: FixedWidthInteger>() -> Value? {
    let size = MemoryLayout<Value>.size
    guard size <= end - position else { return nil }
    defer { position += size }
    return Value(littleEndian: base.loadUnaligned(fromByteOffset: position, as: Value.self))
  }
}
