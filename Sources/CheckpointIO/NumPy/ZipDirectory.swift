// The directory of a zip archive whose entries are stored, with its 64-bit extension. Every number is
// verified against the file before it is used; nothing is extracted to disk.
// Format: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.

/// One stored entry of an archive.
struct ZipEntry: Sendable, Equatable {
  let name: String
  /// Its bytes in the file.
  let range: Range<Int>
  let checksum: UInt32
}

/// The entries of an archive, in the order of its directory.
struct ZipDirectory {
  private(set) var entries: [ZipEntry] = []
  private let file: String

  init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    self.file = file
    let end = try EndRecord(bytes, file: file)
    guard end.count <= InputLimits.tensors else {
      throw invalid("the archive has \(end.count) entries, the limit is \(InputLimits.tensors)")
    }
    var reader = ByteReader(bytes, at: end.directory.lowerBound, end: end.directory.upperBound)
    for _ in 0..<end.count {
      entries.append(try entry(&reader, bytes, before: end.directory.lowerBound))
    }
    guard reader.position == end.directory.upperBound else {
      throw invalid("the directory of the archive holds more than its \(end.count) entries")
    }
    let sorted = entries.map(\.range).sorted { $0.lowerBound < $1.lowerBound }
    for (first, second) in zip(sorted, sorted.dropFirst())
    where first.upperBound > second.lowerBound {
      throw invalid("two entries of the archive overlap at byte \(second.lowerBound)")
    }
  }

  private func invalid(_ fact: String) -> CheckpointError { .invalidNumPy(file: file, fact: fact) }

  /// The next entry of the directory, verified against its local header.
  private func entry(
    _ reader: inout ByteReader, _ bytes: UnsafeRawBufferPointer, before directory: Int
  ) throws -> ZipEntry {
    func cut() -> CheckpointError { invalid("the directory of the archive is cut short") }
    guard reader.u32() == 0x0201_4B50 else {
      throw invalid("the directory of the archive is damaged, or cut short")
    }
    // Version made by, version needed, flags, method, time, date.
    guard reader.u16() != nil, reader.u16() != nil, let flags = reader.u16(),
      let method = reader.u16(), reader.u32() != nil, let checksum = reader.u32(),
      let stored = reader.u32(), let plain = reader.u32(), let nameLength = reader.u16(),
      let extraLength = reader.u16(), let commentLength = reader.u16(), let disk = reader.u16(),
      // Attributes, internal and external.
      reader.u16() != nil, reader.u32() != nil, let offset = reader.u32(),
      let nameBytes = reader.bytes(Int(nameLength)), var extra = reader.reader(Int(extraLength)),
      reader.bytes(Int(commentLength)) != nil
    else { throw cut() }
    let name = try name(nameBytes, flags)
    var title: String { "entry \(Excerpt.quoted(name))" }
    guard flags & 1 == 0 else { throw invalid("\(title) is encrypted") }
    guard method == 0 else {
      throw invalid(
        "\(title) is compressed, and only stored entries are read here; save the arrays with"
          + " numpy.savez, not numpy.savez_compressed")
    }
    var fields = ZipFields(size: UInt64(plain), stored: UInt64(stored), offset: UInt64(offset))
    guard fields.widen(from: &extra), disk == 0 || disk == 0xFFFF else {
      throw invalid("\(title) has sizes that are not complete")
    }
    guard fields.size == fields.stored, let size = Int(exactly: fields.size) else {
      throw invalid(
        "\(title) is stored in \(fields.stored) bytes, but is said to have \(fields.size)")
    }
    guard let offset = Int(exactly: fields.offset), offset < directory else {
      throw invalid("\(title) begins at byte \(fields.offset), beyond the entries of the archive")
    }
    let start = try verifyLocalHeader(
      ByteReader(bytes, at: offset, end: directory), nameBytes, flags, checksum, size, title)
    guard size <= directory - start else {
      throw invalid(
        "\(title) has \(size) bytes from byte \(start), beyond the entries of the archive")
    }
    return ZipEntry(name: name, range: start..<start + size, checksum: checksum)
  }

  /// Verifies that the entry's own header says what the directory says; returns where its bytes begin.
  private func verifyLocalHeader(
    _ reader: ByteReader, _ directoryName: UnsafeRawBufferPointer, _ directoryFlags: UInt16,
    _ directoryChecksum: UInt32, _ directorySize: Int, _ title: @autoclosure () -> String
  ) throws -> Int {
    var reader = reader
    guard reader.u32() == 0x0403_4B50, reader.u16() != nil, let flags = reader.u16(),
      let method = reader.u16(), reader.u32() != nil, let checksum = reader.u32(),
      let stored = reader.u32(), let plain = reader.u32(), let nameLength = reader.u16(),
      let extraLength = reader.u16(), let name = reader.bytes(Int(nameLength)),
      var extra = reader.reader(Int(extraLength))
    else { throw invalid("\(title()) has no header of its own where the directory says") }
    var fields = ZipFields(size: UInt64(plain), stored: UInt64(stored), offset: 0)
    // With bit 3 the numbers follow the data, and the header may hold zeros.
    let follow = flags & 8 != 0
    guard name.elementsEqual(directoryName), method == 0, flags == directoryFlags,
      fields.widen(from: &extra),
      follow
        || checksum == directoryChecksum && fields.size == UInt64(directorySize)
          && fields.stored == UInt64(directorySize)
    else { throw invalid("\(title()) has a header of its own that differs from the directory's") }
    return reader.position
  }

  /// The name of an entry, which could do no harm even as a path.
  private func name(_ bytes: UnsafeRawBufferPointer, _ flags: UInt16) throws -> String {
    // Without bit 11 the bytes are code page 437, which agrees with ASCII alone.
    guard let name = String(validating: bytes, as: UTF8.self),
      flags & 0x800 != 0 || bytes.allSatisfy({ $0 < 0x80 })
    else {
      throw invalid(
        "the archive has an entry whose name \(Excerpt.quoted(String(decoding: bytes, as: UTF8.self)))"
          + " is neither ASCII nor marked as UTF-8")
    }
    guard Self.isHarmless(name) else {
      throw invalid(
        "the archive has an entry called \(Excerpt.quoted(name)), a name that is empty, absolute, leads"
          + " upwards or holds control characters")
    }
    return name
  }

  /// Whether a name is a plain relative path.
  static func isHarmless(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return !parts.contains { $0.isEmpty || $0 == "." || $0 == ".." }
      && !name.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F || $0 == "\\" }
  }
}
