// How often statistics resample, or iterate: as often as they are asked, except in a rehearsal, whose numbers nobody sees.

enum Resampling {
  /// Set for the scope of a rehearsal only.
  @TaskLocal private static var isRehearsed = false

  static func count(_ asked: Int) -> Int { isRehearsed ? min(asked, 100) : asked }

  static func rehearsed<Value>(_ body: () throws -> Value) rethrows -> Value {
    try $isRehearsed.withValue(true, operation: body)
  }
}
