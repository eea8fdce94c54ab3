// The rows of the standard tables: the header to the letter, round trips, and their documentation.

import CheckpointIO
import Probes
import Testing

@Suite struct RowTests {
  static let run = RunIdentity(runID: "0123456789abcdef", probe: "task-vectors")

  static let result = ResultRow(
    model: "ts-softmax", attention: .softmax, task: "capital", sourceTask: "currency",
    condition: .taskVectorOtherTask, split: .test, shots: 5, hook: "hook_resid_post", layer: 2,
    head: 0, position: "last", seed: 41, metric: .accuracy,
    estimate: Statistics.proportion(successes: 45, trials: 50))

  static let sample = SampleRow(
    model: "ts-softmax", attention: .linear, task: "capital", condition: .zeroShot,
    split: .development, shots: 0, example: 3, query: "France", target: "Paris",
    prediction: "", correct: false, targetRank: 7, targetLogProbability: -2.5,
    promptSHA256: String(repeating: "ab", count: 32))

  static let token = TokenRow(
    model: "ts-softmax", task: nil, hook: "hook_resid_post", layer: 1, rank: 0, tokenID: 12,
    token: "\"", logit: 1.25, probability: 0.5)

  private func csv<Row: TableRow>(_ row: Row) -> String {
    let table = Table(Row.schema, rows: [row.values(of: Self.run)])
    return String(decoding: table.csv, as: UTF8.self)
  }

  @Test func headersAreTheContract() {
    #expect(
      csv(Self.result)
        == """
        run_id,probe,model,attention,task,source_task,condition,split,shots,hook,layer,head,position,\
        seed,metric,value,ci_low,ci_high,n
        0123456789abcdef,task-vectors,ts-softmax,softmax,capital,currency,task_vector_other_task,test,\
        5,hook_resid_post,2,0,last,41,accuracy,0.9,0.7863976856252035,0.9565242350681096,50

        """)
    #expect(
      csv(Self.sample)
        == """
        run_id,probe,model,attention,task,condition,split,shots,hook,layer,position,seed,example,\
        query,target,prediction,correct,target_rank,target_logprob,logit_diff,prompt_sha256
        0123456789abcdef,task-vectors,ts-softmax,linear,capital,zero_shot,development,0,,,,,3,France,\
        Paris,"",0,7,-2.5,,abababababababababababababababababababababababababababababababab

        """)
    #expect(
      csv(Self.token)
        == """
        run_id,model,task,hook,layer,rank,token_id,token,logit,probability
        0123456789abcdef,ts-softmax,,hook_resid_post,1,0,12,\"\"\"\",1.25,0.5

        """)
  }

  private func roundTrip<Row: TableRow>(_ row: Row, _ schema: TableSchema) throws {
    let bytes = Table(schema, rows: [row.values(of: Self.run)]).csv
    let table = try CSVReader.table(bytes, schema, file: schema.file)
    #expect(try table.rows(as: Row.self) == [row])
    #expect(try table.records.map { try $0.text("run_id") } == [Self.run.runID])
  }

  @Test func rowsReadBack() throws {
    try roundTrip(Self.result, .results)
    try roundTrip(Self.sample, .samples)
    try roundTrip(Self.token, .tokens)
    try roundTrip(
      ResultRow(
        model: "m", attention: .hybrid, condition: .icl, metric: .rec2FTP,
        estimate: Estimate(value: nil, interval: nil, count: 0)), .results)
    var wide = Self.sample
    wide.extra = [.text("held-out"), .empty]
    try roundTrip(
      wide,
      .samples.adding([
        Column("selection", .text, "The rule."),
        Column("rate", .real, "The learning rate.", whenEmpty: "nothing was fine-tuned"),
      ]))
  }

  @Test func wrongValuesAreRefused() throws {
    let text = csv(Self.result)
    for (old, new, fact) in [
      (",softmax,", ",hard,", "column 'attention' is 'hard', expected one of softmax, linear"),
      (",accuracy,", ",acuracy,", "column 'metric' is 'acuracy', expected one of accuracy"),
      (",test,", ",tset,", "column 'split' is 'tset', expected one of train, development, test"),
      ("0.9565242350681096", "0.1", "column 'ci_high' is 0.1, expected the upper end"),
      (",0.9565242350681096", ",", "column 'ci_high' is empty, expected the upper end"),
    ] {
      let changed = text.replacing(old, with: new)
      try #require(changed != text)
      let table = try CSVReader.table(Array(changed.utf8), .results, file: "results.csv")
      let error = #expect(throws: RunError.self) { _ = try table.rows(as: ResultRow.self) }
      #expect(error?.description.contains(fact) == true, "\(String(describing: error))")
      #expect(error?.description.hasPrefix("results.csv: line 2: ") == true)
      #expect(error?.exitStatus == 65)
    }
  }

  @Test func everythingIsDocumented() throws {
    let json = ColumnDictionary([.results, .samples, .tokens]).json
    // What is generated is JSON and keeps its order.
    #expect(try JSON(parsing: json.serialized(pretty: true).utf8, file: "columns.json") == json)
    let tables = try #require(json["tables"]?.objectValue)
    #expect(tables.keys == ["results.csv", "samples.csv", "tokens.csv"])
    let columns = try #require(tables["results.csv"]?["columns"]?.arrayValue)
    #expect(columns.map { $0["name"]?.stringValue } == TableSchema.results.columns.map(\.name))
    for condition in Condition.allCases {
      #expect(json["conditions"]?[condition.rawValue]?["meaning"]?.stringValue?.isEmpty == false)
    }
    for metric in Metric.allCases {
      #expect(json["metrics"]?[metric.rawValue]?["meaning"]?.stringValue?.isEmpty == false)
      // A metric that can be undefined says when; all of these can.
      #expect(metric.documentation.whenEmpty != nil, "\(metric)")
    }
    let layer = columns.first { $0["name"]?.stringValue == "layer" }
    #expect(layer?["empty"]?.stringValue?.contains("not about one layer") == true)
    #expect(columns.last?["empty"]?.stringValue == "never")
  }
}
