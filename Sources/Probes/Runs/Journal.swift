// The journal of an unfinished run: records that are only ever appended, each forced to disk before the
// next. What a record holds is JournalEntry's affair.
//
// The file begins with the line "thetascope journal 1\n". A record is
//   "rec\n"   4 bytes
//   number    4 bytes, little-endian, from 0
//   length    4 bytes, of the contents
//   check     4 bytes, CRC-32 of the twelve before
//   contents
//   check     4 bytes, CRC-32 of the contents
// A machine that stops while a record is written leaves a torn one at the end: it is dropped. Since every
// record was on disk before the next began, damage anywhere else is no accident of that kind: a damaged
// place with a whole record behind it is refused.

import CKernels
import CheckpointIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An append-only file of records.
package final class Journal {
  package let path: String
  private let descriptor: Int32
  /// Where the contents of each record lie in the file.
  package private(set) var records: [Range<Int>]
  private var end: Int

  private static let title = Array("thetascope journal 1\n".utf8)
  private static let mark = Array("rec\n".utf8)
  private static let headSize = 16

  /// Opens the journal at `path`, or begins one; a torn record at the end is cut off.
  ///
  /// - Throws: `RunError.damagedJournal`; `.cannotWrite`.
  package init(_ path: String) throws {
    self.path = path
    let exists = FileReading.kind(of: path) != .absent
    let bytes = exists ? try FileReading.readFile(path, limit: .max) : []
    (records, end) = try Self.scan(bytes, path)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw RunError.cannotWrite(
        file: path, fact: "the journal cannot be opened: \(SystemFile.reason())")
    }
    if end < bytes.count, ftruncate(descriptor, off_t(end)) != 0 {
      throw RunError.cannotWrite(
        file: path, fact: "its torn end cannot be cut off: \(SystemFile.reason())")
    }
    if end == 0 { try write(Self.title) }
  }

  deinit { close(descriptor) }

  /// Appends a record and waits until it is on disk.
  ///
  /// - Throws: `RunError.cannotWrite`; the records before it stay whole.
  package func append(_ contents: [UInt8]) throws {
    precondition(contents.count <= Int(UInt32.max), "a record of \(contents.count) bytes")
    var record = Self.mark
    record.append(number: UInt32(records.count))
    record.append(number: UInt32(contents.count))
    record.append(number: crc32(record))
    record.append(contentsOf: contents)
    record.append(number: crc32(contents))
    let start = end + Self.headSize
    try write(record)
    records.append(start..<(start + contents.count))
  }

  /// The contents of a record.
  package func contents(of record: Int, _ part: Range<Int>? = nil) throws -> [UInt8] {
    let whole = records[record]
    let range =
      part.map { whole.lowerBound + $0.lowerBound..<whole.lowerBound + $0.upperBound } ?? whole
    precondition(range.upperBound <= whole.upperBound, "a part beyond its record")
    var bytes = [UInt8](repeating: 0, count: range.count)
    var place = 0
    while place < bytes.count {
      let count = bytes.withUnsafeMutableBytes { target in
        pread(
          descriptor, target.baseAddress.map { $0 + place }, target.count - place,
          off_t(range.lowerBound + place))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw RunError.damagedJournal(file: path, fact: "it became shorter while the run went on")
      }
      place += count
    }
    return bytes
  }

  /// Writes behind the last whole record. What a failure leaves there is overwritten or dropped later.
  private func write(_ bytes: [UInt8]) throws {
    var place = 0
    while place < bytes.count {
      let count = bytes.withUnsafeBytes { source in
        pwrite(
          descriptor, source.baseAddress.map { $0 + place }, source.count - place,
          off_t(end + place))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let reason = SystemFile.reason()
        ftruncate(descriptor, off_t(end))
        throw RunError.cannotWrite(
          file: path, fact: "a finished cell cannot be written: \(reason)")
      }
      place += count
    }
    guard fsync(descriptor) == 0 else {
      throw RunError.cannotWrite(
        file: path, fact: "a finished cell cannot be forced to disk: \(SystemFile.reason())")
    }
    end += bytes.count
  }

  /// The records of a journal and where the last one ends.
  private static func scan(_ bytes: [UInt8], _ path: String) throws -> ([Range<Int>], Int) {
    guard bytes.starts(with: title) else {
      // Stopped while the first line was written: a part of it, and zeros where the rest never came.
      let known = zip(bytes, title).prefix { $0 == $1 }.count
      guard bytes[known...].allSatisfy({ $0 == 0 }) else {
        throw RunError.damagedJournal(
          file: path,
          fact: "this is not a journal that this version reads; use --force to start anew"
        )
      }
      return ([], 0)
    }
    var records: [Range<Int>] = []
    var end = title.count
    while let contents = record(numbered: records.count, in: bytes, at: end) {
      records.append(contents)
      end = contents.upperBound + 4
    }
    // Whole records behind the first place that is not one mean that something else happened there.
    var place = end
    while place + headSize <= bytes.count {
      if bytes[place] == mark[0], head(in: bytes, at: place) != nil, place > end {
        throw RunError.damagedJournal(
          file: path,
          fact: "record \(records.count) at byte \(end) is damaged, and whole ones follow; "
            + "use --force to start anew")
      }
      place += 1
    }
    return (records, end)
  }

  /// The contents of a whole record that begins at `place`; `nil` where there is none.
  private static func record(
    numbered number: Int, in bytes: [UInt8], at place: Int
  ) -> Range<Int>? {
    guard let head = head(in: bytes, at: place), head.number == number else { return nil }
    let contents = (place + headSize)..<(place + headSize + head.length)
    guard contents.upperBound + 4 <= bytes.count,
      bytes.number(at: contents.upperBound) == crc32(bytes[contents])
    else { return nil }
    return contents
  }

  private static func head(in bytes: [UInt8], at place: Int) -> (number: Int, length: Int)? {
    guard place + headSize <= bytes.count, bytes[place..<(place + 4)].elementsEqual(mark),
      bytes.number(at: place + 12) == crc32(bytes[place..<(place + 12)])
    else { return nil }
    return (Int(bytes.number(at: place + 4)), Int(bytes.number(at: place + 8)))
  }
}

private func crc32(_ bytes: some Collection<UInt8>) -> UInt32 {
  let checksum = bytes.withContiguousStorageIfAvailable { ck_crc32(0, $0.baseAddress, $0.count) }
  guard let checksum else { preconditionFailure("bytes of a journal lie in one piece") }
  return checksum
}

extension [UInt8] {
  /// Appends four bytes, the lowest first.
  fileprivate mutating func append(number: UInt32) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  fileprivate func number(at place: Int) -> UInt32 {
    UInt32(self[place]) | UInt32(self[place + 1]) << 8 | UInt32(self[place + 2]) << 16
      | UInt32(self[place + 3]) << 24
  }
}
