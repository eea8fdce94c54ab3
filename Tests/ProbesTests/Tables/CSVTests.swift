// CSV: the exact bytes, reading them back, and refusing what was not written like this.

import CheckpointIO
import Probes
import TensorCore
import Testing

@Suite struct CSVTests {
  static let schema = TableSchema(
    file: "test.csv", meaning: "A row.",
    columns: [
      Column("name", .text, "A text.", whenEmpty: "absent"),
      Column("count", .integer, "An integer.", whenEmpty: "absent"),
      Column("value", .real, "A real.", whenEmpty: "undefined"),
      Column("right", .truth, "A truth."),
    ])

  private func read(_ text: String) throws -> Table {
    try CSVReader.table(Array(text.utf8), Self.schema, file: "in.csv")
  }

  private func fact(_ text: String) -> String {
    do {
      _ = try read(text)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func bytes() {
    let table = Table(
      Self.schema,
      rows: [
        [.text("plain"), .integer(-7), .real(0.1), .truth(true)],
        [.text("a,b"), .integer(0), .real(-0.0), .truth(false)],
        [.text("say \"hi\""), .empty, .real(nil), .truth(true)],
        [.text("two\nlines\r"), .integer(.max), .real(.nan), .truth(true)],
        [.text(""), .integer(.min), .real(.infinity), .truth(true)],
        [.empty, .empty, .real(1e-5), .truth(true)],
        [.text(" é=1+1 "), .empty, .real(1e16), .truth(true)],
        [.text("x"), .empty, .real(.leastNonzeroMagnitude), .truth(true)],
      ])
    let expected = """
      name,count,value,right
      plain,-7,0.1,1
      "a,b",0,-0.0,0
      "say ""hi""\",,,1
      "two
      lines\r",9223372036854775807,,1
      "",-9223372036854775808,,1
      ,,1e-05,1
       é=1+1 ,,1e+16,1
      x,,5e-324,1

      """
    #expect(String(decoding: table.csv, as: UTF8.self) == expected)
  }

  @Test func roundTrip() throws {
    var generator = SeededGenerator(seed: 12)
    let alphabet = Array("ab,\"\n\r é日🇫🇷;\t'\u{0}\u{301}").map { String($0) }
    var table = Table(Self.schema)
    for _ in 0..<500 {
      let letters = generator.uniformInteger(below: 6)
      let text = (0..<letters).compactMap { _ in generator.element(of: alphabet) }.joined()
      let number = Double(bitPattern: generator.next())
      table.append([
        generator.uniformInteger(below: 5) == 0 ? .empty : .text(text),
        generator.uniformInteger(below: 5) == 0
          ? .empty : .integer(Int(truncatingIfNeeded: generator.next())),
        .real(number), .truth(generator.uniformInteger(below: 2) == 0),
      ])
    }
    let bytes = table.csv
    let read = try CSVReader.table(bytes, Self.schema, file: "in.csv")
    #expect(read == table)
    #expect(read.csv == bytes)
    // Equality of Swift's strings is canonical equivalence; the bytes must be the same.
    for (left, right) in zip(read.rows, table.rows) {
      if case (.text(let a), .text(let b)) = (left[0], right[0]) {
        #expect(Array(a.utf8) == Array(b.utf8))
      }
    }
  }

  /// Every cut but one at the end of a line is noticed.
  @Test func cutOffFilesAreRefused() throws {
    let text = "name,count,value,right\nab,1,0.5,1\n\"c\nd\",2,1.5,0\n"
    #expect(try read(text).rows.count == 2)
    let bytes = Array(text.utf8)
    for end in 0..<bytes.count {
      let cut = Array(bytes[..<end])
      // Byte 36 is the newline within the quoted field.
      let isWhole = end > 0 && bytes[end - 1] == 0x0A && end != 37
      let table = try? CSVReader.table(cut, Self.schema, file: "in.csv")
      #expect((table != nil) == isWhole, "cut at \(end)")
    }
  }

  @Test func whatIsNotWrittenLikeThisIsRefused() {
    let header = "name,count,value,right\n"
    #expect(fact("name,count,right,value\n").contains("line 1: the header is"))
    #expect(fact("").contains("cut off"))
    #expect(fact(header + "a,1,0.5\n") == "in.csv: line 2: there are 3 fields, expected 4")
    #expect(fact(header + "a,1,0.5,1,\n") == "in.csv: line 2: there are 5 fields, expected 4")
    #expect(fact(header + "\n").contains("there are 1 fields"))
    #expect(fact(header + "a,1,0.5,1\r\n").contains("carriage return"))
    #expect(fact(header + "a\"b,1,0.5,1\n").contains("quote within a field"))
    #expect(fact(header + "\"a\"b,1,0.5,1\n").contains("closing quote"))
    #expect(fact(header + "\"a\",1,0.5,1\n").contains("without need"))
    #expect(fact(header + "\"a,1,0.5,1\n").contains("does not end"))
    #expect(
      fact(header + "a,01,0.5,1\n")
        == "in.csv: line 2: column 'count' is '01', expected an integer")
    #expect(fact(header + "a,9223372036854775808,0.5,1\n").contains("'count'"))
    for number in ["nan", "inf", "0x1p3", ".5", "5", "1e5", "0.50", "1E-05", " 0.5", "1,5"] {
      #expect(fact(header + "a,1,\(number),1\n") != "no error", "\(number)")
    }
    #expect(fact(header + "a,1,0.5,2\n").contains("expected 0 or 1"))
    #expect(fact(header + "a,1,0.5,\n").contains("'right' is empty"))
    #expect(fact(header + "\"two\nlines\",1,0.5,1\nx,y,0.5,1\n").hasPrefix("in.csv: line 4:"))
    #expect(throws: RunError.invalidTable(file: "in.csv", line: 2, fact: "a field is not UTF-8")) {
      _ = try CSVReader.table(
        Array(header.utf8) + [0xFF] + Array(",1,0.5,1\n".utf8), Self.schema, file: "in.csv")
    }
    #expect(throws: CheckpointError.self) {
      _ = try CSVReader.table(at: "/nonexistent/results.csv", Self.schema)
    }
  }

  @Test func misfitsStopTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var table = Table(CSVTests.schema)
      table.append([.text("a"), .integer(1), .integer(1), .truth(true)])
    }
    await #expect(processExitsWith: .failure) {
      var table = Table(CSVTests.schema)
      table.append([.text("a"), .integer(1), .real(1), .empty])
    }
    await #expect(processExitsWith: .failure) {
      var table = Table(CSVTests.schema)
      table.append([.text("a"), .integer(1), .real(1)])
    }
  }
}
