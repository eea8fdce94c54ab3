// Positions, sequences and heads as text and JSON.

import HookPoints
import Testing

@Suite struct SelectorTests {
  @Test(arguments: [
    ("last", PositionSelector.last), ("all", .all), ("3", .index(3)), ("-2", .index(-2)),
    ("arrow[1]", .role(.arrow, 1)), ("label[-1]", .role(.label, -1)), ("query", .role(.query, nil)),
    ("separator", .role(.separator, nil)), ("input[0]", .role(.input, 0)),
  ])
  func positionsParseAndPrint(text: String, selector: PositionSelector) throws {
    #expect(try PositionSelector(parsing: text) == selector)
    #expect(selector.description == text)
    #expect(try decode([PositionSelector].self, "[\"\(text)\"]") == [selector])
    #expect(try decode([PositionSelector].self, encode([selector])) == [selector])
  }

  @Test func everyPositionRoundTrips() throws {
    var selectors: [PositionSelector] = [.last, .all] + (-3...3).map { .index($0) }
    for role in Role.allCases {
      selectors += [.role(role, nil)] + (-2...2).map { .role(role, $0) }
    }
    for selector in selectors {
      #expect(try PositionSelector(parsing: selector.description) == selector)
    }
    #expect(try decode([PositionSelector].self, encode(selectors)) == selectors)
  }

  @Test(arguments: [
    ("lst", "last"), ("arow[1]", "arrow"), ("arrow[]", "arrow"), ("arrow[x]", "arrow"),
    ("labels", "label"), ("+3", "all"), ("1.5", "all"), ("arrow[1", "arrow"),
    ("arrow[+1]", "arrow"),
    ("quary", "query"),
  ])
  func anUnknownPositionComesWithTheNearest(text: String, nearest: String) {
    let error = hookError { try PositionSelector(parsing: text) }
    guard case .unknownPosition(text, let found)? = error else {
      Issue.record("\(text) is read")
      return
    }
    if nearest != "all" { #expect(found == nearest) }
  }

  @Test func sequencesAndHeadsInJSON() throws {
    let json = #"["all",3,[0,2]]"#
    let sequences: [SequenceSelector] = [.all, .index(3), .indices([0, 2])]
    let heads: [HeadSelector] = [.all, .index(3), .indices([0, 2])]
    #expect(try decode([SequenceSelector].self, json) == sequences)
    #expect(try decode([HeadSelector].self, json) == heads)
    #expect(try encode(sequences) == json)
    #expect(try encode(heads) == json)
    #expect(
      hookError { try decode([HeadSelector].self, #"["every"]"#) } == .badSelector(key: "head"))
  }

  @Test func integersAreTheWrittenFormOfIndices() throws {
    #expect(try encode([PositionSelector.index(-2), .last]) == #"[-2,"last"]"#)
    #expect(try decode([PositionSelector].self, "[-2]") == [.index(-2)])
  }
}
