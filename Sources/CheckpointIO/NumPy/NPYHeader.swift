// The header of NumPy's .npy format, versions 1 to 3: a magic, a length, a Python dictionary literal with
// exactly the keys descr, fortran_order and shape. Read by a parser of that literal alone, never evaluated.
// Format: numpy/lib/format.py; its doc string is the specification.

/// Type and shape of a .npy array.
struct NPYHeader: Equatable {
  let dtype: StorageType
  let shape: [Int]
  /// Where the elements begin.
  let dataStart: Int

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads the header of a whole .npy file and verifies that the data behind it has the right size.
  ///
  /// - Parameter title: what to put before the fact of a failure: which part of `file` this is.
  init(_ bytes: UnsafeRawBufferPointer, file: String, title: String = "") throws {
    func invalid(_ fact: String) -> CheckpointError {
      .invalidNumPy(file: file, fact: title + fact)
    }

    guard bytes.count >= 10, bytes.starts(with: Self.magic) else {
      throw invalid("these \(bytes.count) bytes do not begin as a .npy array does")
    }
    let version = (bytes[6], bytes[7])
    let start: Int
    let length: Int
    switch version {
    case (1, 0):
      start = 10
      length = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    case (2, 0), (3, 0):
      guard bytes.count >= 12 else {
        throw invalid("the file ends inside the length of its header")
      }
      start = 12
      length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    default:
      throw invalid(
        "this is version \(version.0).\(version.1) of the .npy format, expected 1.0 to 3.0")
    }
    guard length <= InputLimits.npyHeader else {
      throw invalid(
        "the header is said to have \(length) bytes, the limit is \(InputLimits.npyHeader)")
    }
    guard start + length <= bytes.count else {
      throw invalid("the file has \(bytes.count) bytes and ends inside its header")
    }
    var literal = NPYLiteral(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
    let description: NPYLiteral.Description
    do {
      description = try literal.description()
    } catch let fact {
      throw invalid("the header \(fact.text) (byte \(start + literal.position))")
    }
    guard
      let dtype = StorageType.allCases.first(where: { $0.numPyDescription == description.descr })
    else {
      let descr = Excerpt.quoted(description.descr)
      switch description.descr.first {
      case ">":
        throw invalid("the array is big-endian, \(descr); save array.astype('<f4') or the like")
      case "|" where description.descr.hasPrefix("|O"):
        throw invalid(
          "the array holds Python objects, \(descr), as a pickle, which is not read here")
      default: throw invalid("the array has elements \(descr), which are not read here")
      }
    }
    guard !description.fortranOrder else {
      throw invalid("the array is in Fortran order; save numpy.ascontiguousarray(array)")
    }
    var size = dtype.size
    for axis in description.shape {
      let (product, tooLarge) = size.multipliedReportingOverflow(by: axis)
      guard !tooLarge else { throw invalid("the array's size in bytes is beyond 64 bits") }
      size = product
    }
    dataStart = start + length
    guard bytes.count - dataStart == size else {
      throw invalid(
        "\(bytes.count - dataStart) bytes follow the header, but elements \(description.descr) of"
          + " shape \(description.shape) need \(size)")
    }
    self.dtype = dtype
    shape = description.shape
  }

  /// The bytes of a header, as NumPy writes them: with room for the first axis to grow, the data at a
  /// multiple of 64.
  static func serialized(_ descr: String, shape: [Int]) -> [UInt8] {
    let axes = shape.map { String($0) }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(axes)), }"
    if let first = shape.first {
      text += String(repeating: " ", count: max(0, 21 - String(first).count))
    }
    // Version 2 only where the length does not fit in version 1.
    let isShort = text.utf8.count + 1 + 64 < 65_536
    let start = isShort ? 10 : 12
    let padding = (64 - (start + text.utf8.count + 1) % 64) % 64
    text += String(repeating: " ", count: padding) + "\n"
    let length = UInt32(text.utf8.count).littleEndian
    let lengthBytes = withUnsafeBytes(of: length) { Array($0.prefix(start - 8)) }
    return magic + [isShort ? 1 : 2, 0] + lengthBytes + Array(text.utf8)
  }
}
