// What the records of a journal say: of which plan the run is, when it was at work, and what each finished
// cell and stage produced. A cell's rows lie in its record as the very CSV lines of the final tables, so that the
// tables of a run that was killed and resumed are those of one that was not.
//
// The contents of a record: 4 bytes, little-endian, the length of a JSON object; the object; then the
// blocks of CSV lines that it lists.

import CheckpointIO

/// One record of a journal, its rows not yet read.
struct JournalEntry {
  enum Kind {
    case plan(digest: String)
    case session(RunEnvironment.Session)
    case cell(FinishedCell)
    case stage(name: String, result: JSON)
  }

  let kind: Kind

  /// A finished cell.
  struct FinishedCell {
    let key: String
    let seconds: Double
    let notes: CellNotes
    let blocks: [Block]
    let vectors: VectorFile?
  }

  /// The lines of one table, and where they lie in the record.
  struct Block {
    let file: String
    let rows: Int
    let range: Range<Int>
  }

  /// The file beside the journal with the cell's vectors.
  struct VectorFile: Equatable {
    let name: String
    let size: Int
    let sha256: String
  }
}

extension JournalEntry {
  static func bytes(planDigest: String) -> [UInt8] {
    framed(["entry": "plan", "digest": .string(planDigest)], blocks: [])
  }

  static func bytes(_ session: RunEnvironment.Session) -> [UInt8] {
    framed(["entry": "session", "session": session.json], blocks: [])
  }

  static func bytes(stage name: String, _ result: JSON) -> [UInt8] {
    framed(["entry": "stage", "name": .string(name), "result": result], blocks: [])
  }

  /// - Parameter tables: the lines of each table, without headers.
  static func bytes(
    cell: Cell, seconds: Double, notes: CellNotes,
    tables: [(file: String, rows: Int, lines: [UInt8])], vectors: VectorFile?
  ) -> [UInt8] {
    var head: JSONObject = [
      "entry": "cell", "key": .string(cell.key), "seconds": .number(seconds), "notes": notes.json,
      "tables": .array(
        tables.map { table in
          [
            "file": .string(table.file), "rows": .integer(table.rows),
            "bytes": .integer(table.lines.count),
          ]
        }),
    ]
    if let vectors {
      head["vectors"] = [
        "file": .string(vectors.name), "size": .integer(vectors.size),
        "sha256": .string(vectors.sha256),
      ]
    }
    return framed(.object(head), blocks: tables.map(\.lines))
  }

  private static func framed(_ head: JSON, blocks: [[UInt8]]) -> [UInt8] {
    let text = Array(head.serialized(pretty: false).utf8)
    var bytes = withUnsafeBytes(of: UInt32(text.count).littleEndian) { Array($0) }
    bytes.append(contentsOf: text)
    for block in blocks { bytes.append(contentsOf: block) }
    return bytes
  }
}

extension JournalEntry {
  /// Reads a record.
  ///
  /// - Throws: `RunError.damagedJournal` for contents that this program did not write.
  init(_ bytes: [UInt8], file: String) throws {
    let wrong = RunError.damagedJournal(
      file: file, fact: "a record does not say what it is; use --force to start anew")
    guard bytes.count >= 4 else { throw wrong }
    let length = bytes[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytes.count - 4 else { throw wrong }
    let head: JSON
    do {
      head = try JSON(parsing: bytes[4..<(4 + length)], file: file)
    } catch { throw wrong }
    switch head["entry"]?.stringValue {
    case "plan":
      guard let digest = head["digest"]?.stringValue else { throw wrong }
      kind = .plan(digest: digest)
    case "session":
      guard let session = head["session"].flatMap({ RunEnvironment.Session($0) }) else {
        throw wrong
      }
      kind = .session(session)
    case "cell":
      guard let cell = FinishedCell(head, start: 4 + length, end: bytes.count) else { throw wrong }
      kind = .cell(cell)
    case "stage":
      guard let name = head["name"]?.stringValue, let result = head["result"] else { throw wrong }
      kind = .stage(name: name, result: result)
    default: throw wrong
    }
  }
}

extension JournalEntry.FinishedCell {
  fileprivate init?(_ head: JSON, start: Int, end: Int) {
    guard let key = head["key"]?.stringValue, let seconds = head["seconds"]?.doubleValue,
      let notes = head["notes"].flatMap({ CellNotes($0) }), let tables = head["tables"]?.arrayValue
    else { return nil }
    var place = start
    var blocks: [JournalEntry.Block] = []
    for table in tables {
      guard let file = table["file"]?.stringValue, let rows = table["rows"]?.intValue,
        let size = table["bytes"]?.intValue, size >= 0, size <= end - place
      else { return nil }
      blocks.append(JournalEntry.Block(file: file, rows: rows, range: place..<(place + size)))
      place += size
    }
    guard place == end else { return nil }
    if let vectors = head["vectors"] {
      guard let name = vectors["file"]?.stringValue, let size = vectors["size"]?.intValue,
        let sha256 = vectors["sha256"]?.stringValue, !name.contains("/")
      else { return nil }
      self.vectors = JournalEntry.VectorFile(name: name, size: size, sha256: sha256)
    } else {
      vectors = nil
    }
    self.key = key
    self.seconds = seconds
    self.notes = notes
    self.blocks = blocks
  }
}
