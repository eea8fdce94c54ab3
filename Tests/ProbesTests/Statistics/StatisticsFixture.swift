// Reads Tests/Fixtures/statistics/statistics.json, which SciPy, statsmodels and NumPy made.

import CheckpointIO
import TestSupport
import Testing

struct StatisticsFixture {
  private let json: JSON

  init() throws {
    json = try JSON(contentsOf: fixture("statistics/statistics.json"))
  }

  /// The cases under a key; there must be some, or a test would pass over nothing.
  func cases(_ key: String) throws -> [JSON] {
    let cases = try #require(json[key]?.arrayValue)
    try #require(!cases.isEmpty)
    return cases
  }

  subscript(key: String) -> JSON? { json[key] }
}

extension JSON {
  func doubles(_ key: String) throws -> [Double] {
    try #require(self[key]?.arrayValue).map { try #require($0.doubleValue) }
  }

  func strings(_ key: String) throws -> [String] {
    try #require(self[key]?.arrayValue).map { try #require($0.stringValue) }
  }

  func double(_ key: String) throws -> Double { try #require(self[key]?.doubleValue) }

  func int(_ key: String) throws -> Int { try #require(self[key]?.intValue) }
}

/// Whether two numbers agree to a relative error, or to the same absolute one near 0; never for NaN.
func agree(_ a: Double?, _ b: Double?, within tolerance: Double = 1e-12) -> Bool {
  switch (a, b) {
  case (nil, nil): true
  case (let a?, let b?): abs(a - b) <= tolerance * max(1, abs(a), abs(b))
  default: false
  }
}
