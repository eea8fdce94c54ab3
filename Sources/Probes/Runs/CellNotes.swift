// What run.json says about a cell beside its rows: what was dropped and why, which hooks fired, and facts
// such as the chosen layer.

import CheckpointIO
import HookPoints

/// Something that was left out of a run.
public struct Dropped: Sendable, Equatable {
  /// What it was: `pairs of capital`, `task en_fr`.
  public let what: String
  /// How many of them.
  public let count: Int
  /// A sentence without full stop: `the answer is not one token`.
  public let why: String

  public init(_ what: String, count: Int, why: String) {
    self.what = what
    self.count = count
    self.why = why
  }
}

/// What a cell says of itself.
public struct CellNotes: Sendable, Equatable {
  /// What was left out of the cell.
  public var dropped: [Dropped] = []
  /// How many rows were read and edited at each hook, by the hook's full name.
  public var hooks: [String: HookFires] = [:]
  /// Anything else; goes into run.json as it is.
  public var facts = JSONObject()

  public init() {}

  /// How often a hook fired.
  public struct HookFires: Sendable, Equatable {
    /// Rows recorded.
    public var reads: Int
    /// Rows changed.
    public var edits: Int

    public init(reads: Int, edits: Int) {
      self.reads = reads
      self.edits = edits
    }
  }

  /// Adds what a forward pass counted.
  public mutating func add(_ fires: FireCounts) {
    for (hook, count) in fires.counts {
      add(hook.description, reads: count.reads, edits: count.edits.values.reduce(0, +))
    }
  }

  /// Adds reads and edits at one hook.
  public mutating func add(_ hook: String, reads: Int, edits: Int) {
    let before = hooks[hook] ?? HookFires(reads: 0, edits: 0)
    hooks[hook] = HookFires(reads: before.reads + reads, edits: before.edits + edits)
  }
}

extension CellNotes {
  var json: JSON {
    [
      "dropped": .array(dropped.map(\.json)), "hooks": Self.json(hooks), "facts": .object(facts),
    ]
  }

  init?(_ json: JSON) {
    guard let dropped = json["dropped"]?.arrayValue, let hooks = json["hooks"]?.objectValue,
      let facts = json["facts"]?.objectValue
    else { return nil }
    for item in dropped {
      guard let item = Dropped(item) else { return nil }
      self.dropped.append(item)
    }
    for (name, count) in hooks {
      guard let reads = count["reads"]?.intValue, let edits = count["edits"]?.intValue else {
        return nil
      }
      add(name, reads: reads, edits: edits)
    }
    self.facts = facts
  }

  /// Hooks by their names' bytes: no order comes from a hash table.
  static func json(_ hooks: [String: HookFires]) -> JSON {
    .object(
      JSONObject(
        hooks.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { name, count in
          (name, ["reads": .integer(count.reads), "edits": .integer(count.edits)])
        }))
  }
}

extension Dropped {
  var json: JSON {
    ["what": .string(what), "count": .integer(count), "why": .string(why)]
  }

  init?(_ json: JSON) {
    guard let what = json["what"]?.stringValue, let count = json["count"]?.intValue,
      let why = json["why"]?.stringValue
    else { return nil }
    self.init(what, count: count, why: why)
  }
}
