// Config files as published checkpoints have them, old keys and new ones: with a tiny fixture's values each must say
// what the fixture's own config.json, written by transformers 5, says.

import CheckpointIO
import Foundation
import HookedModels
import TestSupport
import Testing

@Suite struct PublishedConfigTests {
  @Test func everyKeySetIsUnderstood() throws {
    let rows = try #require(
      JSON(contentsOf: fixture("families/published_configs.json")).arrayValue)
    #expect(rows.count >= 19)
    let files = FileManager.default
    for row in rows {
      let checkpoint = try #require(row["checkpoint"]?.stringValue)
      let tiny = fixture("families/\(try #require(row["fixture"]?.stringValue))")
      let folder = NSTemporaryDirectory() + "thetascope-published-\(UUID().uuidString)"
      try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? files.removeItem(atPath: folder) }
      let config: JSON = try #require(row["config"])
      try Data(config.serialized(pretty: false).utf8)
        .write(to: URL(fileURLWithPath: "\(folder)/config.json"))
      try files.createSymbolicLink(
        atPath: "\(folder)/model.safetensors", withDestinationPath: "\(tiny)/model.safetensors")
      #expect(
        try ModelFolder(path: folder).architecture == ModelFolder(path: tiny).architecture,
        "\(checkpoint)")
    }
  }
}
