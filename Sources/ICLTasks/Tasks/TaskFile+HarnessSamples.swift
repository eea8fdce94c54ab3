// Tasks from what EleutherAI's lm-evaluation-harness logs with --log_samples: samples_<task>_<date>.jsonl, an object a
// line. Which metrics stand there and what the models said is not read; the questions and their right answers are.
//
// Source: lm_eval 0.4, `evaluator.py` (the keys), `loggers/evaluation_tracker.py` (arguments as gen_args_0: {arg_0: …}; up
// to 0.4.2 as lists), `utils.py` `get_file_task_name` (the name of a file).

import CheckpointIO

extension TaskFile {
  /// Whether a file's name is one that the harness gives.
  static func isHarnessSamples(_ path: String) -> Bool {
    path.hasSuffix(".jsonl") && (path.split(separator: "/").last ?? "").hasPrefix("samples_")
  }

  /// The pairs of a file of samples.
  ///
  /// The input is the context of a request, as the model was given it (log with `--num_fewshot 0` for the bare question).
  /// The output is, of a request to generate, the target; of one to score a continuation, the continuation; of several,
  /// that of the target, which is a choice's number or its text. A document logged under several filters counts once.
  ///
  /// - Throws: `CheckpointError` for a line that is not JSON; `TaskError` for one without `arguments` and `target`, for
  ///   requests without an answer (perplexities), a target that is none of the choices, and several targets, which the
  ///   harness writes as Python does.
  static func harnessTask(_ bytes: [UInt8], path: String) throws -> (ICLTask, Changes) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let used = lines.last?.isEmpty == true ? lines.dropLast() : lines[...]
    let stem = folderAndStem(of: path).stem
    let end = stem.lastIndex(of: "_") ?? stem.endIndex
    let name = stem.prefix(upTo: end).drop { $0 != "_" }.dropFirst()
    return try publishedTask(
      try used.enumerated().map { index, line in
        try harnessEntry(
          JSON(parsing: line, file: "\(path) (line \(index + 1))"),
          TaskPlace(file: path, place: "line \(index + 1)"))
      }, TaskPlace(file: path, place: ""),
      // Without a date the file has one underscore, and the name is what follows.
      name: name.isEmpty ? String(stem.dropFirst("samples_".count)) : String(name),
      category: "lm_eval")
  }

  private static func harnessEntry(_ json: JSON, _ place: TaskPlace) throws
    -> (input: JSON, output: JSON, place: TaskPlace)
  {
    guard let object = json.objectValue else {
      throw place.wrong(json, expected: "an object with arguments and target")
    }
    let target = try place.member(object, "target")
    let given = place.appending(", arguments")
    let requests = try harnessRequests(place.member(object, "arguments"), given)
    guard let first = requests.first, let answer = first.answer else {
      throw TaskError.wrongValue(
        file: place.file, place: given.place, found: "a request without an answer",
        expected: "a context with a continuation, or with settings of generation")
    }
    guard answer.objectValue == nil else {
      if let text = target.stringValue, text.hasSuffix("]"),
        text.hasPrefix("['") || text.hasPrefix("[\"")
      {
        throw place.appending(", target").wrong(
          target, expected: "one answer, not a list of Python")
      }
      return (first.context, target, place)
    }
    guard requests.count > 1 else { return (first.context, answer, place) }
    let number = target.intValue ?? target.stringValue.flatMap { Int($0) }
    let chosen =
      number.flatMap { requests.indices.contains($0) ? requests[$0] : nil }
      ?? requests.first { request in
        guard let text = request.answer?.stringValue, let wanted = target.stringValue else {
          return false
        }
        return text.strippingBlanks == wanted.strippingBlanks
      }
    guard let chosen, let output = chosen.answer else {
      throw place.appending(", target").wrong(
        target, expected: "the number or the text of one of the \(requests.count) choices")
    }
    return (chosen.context, output, place)
  }

  /// What the model was asked, in order: `{"gen_args_0": {"arg_0": …, "arg_1": …}}`, or lists of the same.
  private static func harnessRequests(_ json: JSON, _ place: TaskPlace) throws
    -> [(context: JSON, answer: JSON?)]
  {
    let requests: [[JSON]]
    switch json {
    case .object(let object):
      requests = try object.keys.indices.map { index in
        let request = try place.member(object, "gen_args_\(index)")
        guard let arguments = request.objectValue else {
          throw place.wrong(request, expected: "an object with arg_0")
        }
        return ["arg_0", "arg_1"].compactMap { arguments[$0] }
      }
    case .array(let array):
      requests = try array.map { request in
        guard let arguments = request.arrayValue else {
          throw place.wrong(request, expected: "a list of a context and what follows")
        }
        return arguments
      }
    default: throw place.wrong(json, expected: "the requests, as an object or a list")
    }
    return try requests.map { arguments in
      guard let context = arguments.first else {
        throw place.wrong(json, expected: "a context in each request")
      }
      return (context, arguments.dropFirst().first)
    }
  }
}
