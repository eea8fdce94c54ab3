// On what a run was computed, and when. It goes into run.json only: none of it may show in a CSV.

import CheckpointIO
import TensorCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The program and the machine.
public struct RunEnvironment: Sendable, Equatable {
  /// The program's version.
  public let version: String
  /// The name that the processor gives itself.
  public let cpu: String
  /// The kernels that ran.
  public let instructionSet: String
  /// How many threads computed.
  public let threads: Int
  /// Operating system and architecture.
  public let system: String

  public init(
    version: String, cpu: String, instructionSet: String, threads: Int, system: String
  ) {
    self.version = version
    self.cpu = cpu
    self.instructionSet = instructionSet
    self.threads = threads
    self.system = system
  }

  /// This machine, with the instruction set and threads of `context`.
  public init(version: String, context: ComputeContext) {
    self.init(
      version: version, cpu: Self.cpuModel(), instructionSet: context.instructionSet.rawValue,
      threads: context.threads, system: Self.systemName())
  }

  var json: JSON {
    [
      "cpu": .string(cpu), "instruction_set": .string(instructionSet),
      "threads": .integer(threads), "system": .string(system),
    ]
  }

  /// The name that the processor gives itself; "unknown" where the system does not tell.
  private static func cpuModel() -> String {
    #if canImport(Darwin)
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var name = [UInt8](repeating: 0, count: size)
      sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
      let text = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
      return text.isEmpty ? "unknown" : text
    #else
      // A file of the kernel's without a size; only its beginning is needed.
      guard let text = try? FileReading.readText("/proc/cpuinfo", limit: 1 << 24) else {
        return "unknown"
      }
      for key in ["model name", "CPU implementer", "Hardware"] {
        if let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) }),
          let colon = line.firstIndex(of: ":")
        {
          return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
      }
      return "unknown"
    #endif
  }

  private static func systemName() -> String {
    var names = utsname()
    guard uname(&names) == 0 else { return "unknown" }
    func text<Field>(_ field: Field) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    return "\(text(names.sysname)) \(text(names.release)) \(text(names.machine))"
  }
}

extension RunEnvironment {
  /// One stretch of work on a run, from a start or a resumption on.
  struct Session: Sendable, Equatable {
    /// UTC, ISO 8601 to the second.
    let began: String
    let environment: RunEnvironment

    init(_ environment: RunEnvironment) {
      began = Self.now()
      self.environment = environment
    }

    init?(_ json: JSON) {
      guard let began = json["began"]?.stringValue, let version = json["version"]?.stringValue,
        let cpu = json["cpu"]?.stringValue,
        let instructionSet = json["instruction_set"]?.stringValue,
        let threads = json["threads"]?.intValue, let system = json["system"]?.stringValue
      else { return nil }
      self.began = began
      environment = RunEnvironment(
        version: version, cpu: cpu, instructionSet: instructionSet, threads: threads, system: system
      )
    }

    var json: JSON {
      var object: JSONObject = [
        "began": .string(began), "version": .string(environment.version),
      ]
      for (key, value) in environment.json.objectValue ?? JSONObject() { object[key] = value }
      return .object(object)
    }

    /// The time now: `2026-07-01T12:34:56Z`.
    static func now() -> String {
      var seconds = time(nil)
      var parts = tm()
      gmtime_r(&seconds, &parts)
      func digits(_ number: Int32, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
      }
      return digits(parts.tm_year + 1900, 4) + "-" + digits(parts.tm_mon + 1, 2) + "-"
        + digits(parts.tm_mday, 2) + "T" + digits(parts.tm_hour, 2) + ":" + digits(parts.tm_min, 2)
        + ":" + digits(parts.tm_sec, 2) + "Z"
    }
  }
}
