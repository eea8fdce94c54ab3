// Random pipelines around a few tiny models, and random texts, against Hugging Face tokenizers
// (pipelines.json, made by make_cases.py): every component, in combinations nobody would write.

import CheckpointIO
import Testing
import Tokenization

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct PipelineTests {
  @Test func randomPipelinesGiveTheLibrarysIDs() throws {
    try check(Fixture.json("pipelines.json"))
  }

  /// A larger set from `make_cases.py COUNT SEED FILE`, when one is at hand.
  @Test func largerSetOfPipelines() throws {
    guard let file = getenv("TOKENIZATION_PIPELINES") else {
      print("skipped: largerSetOfPipelines: TOKENIZATION_PIPELINES names no file")
      return
    }
    try check(JSON(contentsOf: String(cString: file)))
  }

  private func check(_ fixture: JSON) throws {
    let models = try #require(fixture["models"]?.objectValue)
    let pipelines = try #require(fixture["pipelines"]?.arrayValue)
    #expect(pipelines.count >= 100)
    for (index, pipeline) in pipelines.enumerated() {
      let name = try #require(pipeline["model"]?.stringValue)
      var document = try #require(pipeline["config"]?.objectValue)
      let config = JSON.object(document).serialized(pretty: false)
      let model: JSON = try #require(models[name])
      document["model"] = model
      let tokenizer = try Tokenizer(document: .object(document))
      for expected in try #require(pipeline["cases"]?.arrayValue) {
        let text = expected["text"]?.stringValue ?? ""
        try tokenizer.check(
          expected, "pipeline \(index), model \(name), text \(text.debugDescription), \(config)")
      }
    }
  }
}
