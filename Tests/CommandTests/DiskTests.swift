// A disk that is full or cannot be written: a small file system in memory, where this process may mount one.

import Foundation
import Testing

extension CommandTests {
  @Suite struct DiskTests {
    /// A file system of `size` bytes at disk/, or nil with a line where that is not allowed.
    private static func mount(in space: Workspace, size: Int, for test: String = #function) -> Disk?
    {
      #if os(Linux)
        guard let disk = Disk(at: "\(space.path)/disk", size: size) else {
          print("skipped: \(test): this user cannot mount a file system")
          return nil
        }
        return disk
      #else
        print("skipped: \(test): Linux only")
        return nil
      #endif
    }

    @Test func aFullDisk() throws {
      let space = try Workspace.prepared()
      let run = CrashTests.run + ["--out", "disk/out"]
      try Command.run(CrashTests.run + ["--out", "whole"], in: space.path).expectSuccess()
      let total = try space.names(in: "whole").reduce(0) {
        try $0 + space.bytes("whole/\($1)").count
      }
      var failures = 0
      // From where not even the lock fits to where only the last files do not.
      for size in [4096, 16_384, total / 2, total, total * 3 / 2] {
        guard let disk = Self.mount(in: space, size: size) else { return }
        defer { disk.unmount() }
        let ending = try Command.run(run, in: space.path)
        if ending.status != 0 {
          failures += 1
          #expect(!ending.isSignal && ending.status == 74, "\(size): \(ending.talk)")
          let last = ending.talk.split(separator: "\n").last ?? ""
          #expect(
            last.hasPrefix("thetascope: disk/out") && last.contains("No space left"),
            "\(size): \(last)")
        }
        // With room it goes on, and nothing was damaged.
        try disk.remount("size=\(total * 10)")
        try Command.run(run + ["--resume"], in: space.path).expectSuccess()
        for name in CrashTests.finals {
          #expect(
            try space.bytes("disk/out/\(name)") == space.bytes("whole/\(name)"), "\(size): \(name)")
        }
        #expect(try space.names(in: "disk/out") == space.names(in: "whole"))
      }
      #expect(failures >= 3)
    }

    @Test func aFolderThatCannotBeWritten() throws {
      let space = try Workspace.prepared()
      guard let disk = Self.mount(in: space, size: 16 << 20) else { return }
      defer { disk.unmount() }
      try Command.run(CrashTests.run + ["--out", "disk/done"], in: space.path).expectSuccess()
      try disk.remount("ro")
      // A finished run is found.
      let found = try Command.run(CrashTests.run + ["--out", "disk/done"], in: space.path)
      found.expectSuccess()
      #expect(found.talk.contains("finished before"))
      for out in ["disk/new", "disk/done/below"] {
        try Command.run(CrashTests.run + ["--out", out], in: space.path)
          .expectSentence(74, out, "Read-only file system")
      }
      try Command.run(CrashTests.run + ["--out", "disk/done", "--force"], in: space.path)
        .expectSentence(74, "disk/done", "Read-only file system")
      try space.write(Workspace.spec(attention: "linear"), to: "spec.yaml")
      try space.thetascope("train", "spec.yaml", "--tasks", "tasks", "--out", "disk/model")
        .expectSentence(74, "disk/model")
      try space.thetascope(
        "capture", "--model", "models/gpt2-tiny", "--prompt", "red", "--hook", "resid_post.0",
        "--out", "disk/x.npz"
      ).expectSentence(74, "disk/x.npz", "Read-only file system")
      try disk.remount("rw")
      #expect(try !space.names(in: "disk/done").contains("unfinished"))
    }
  }
}

#if os(Linux)
  /// A mounted file system.
  private struct Disk {
    private let path: String

    init?(at path: String, size: Int) {
      self.path = path
      try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      guard Self.call("mount", "-t", "tmpfs", "-o", "size=\(size)", "tmpfs", path) else {
        return nil
      }
    }

    func remount(_ option: String) throws {
      try #require(Self.call("mount", "-o", "remount,\(option)", path))
    }

    func unmount() { _ = Self.call("umount", path) }

    private static func call(_ arguments: String...) -> Bool {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = arguments
      process.standardError = FileHandle.nullDevice
      do { try process.run() } catch { return false }
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
  }
#else
  private struct Disk {
    func remount(_ option: String) throws {}
    func unmount() {}
  }
#endif
