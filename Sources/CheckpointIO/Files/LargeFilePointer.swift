// What a clone without git-lfs leaves where a large file should be: three lines that say which file it was.

/// A git-lfs pointer in a file's place.
enum LargeFilePointer {
  private static let beginning = Array("version https://git-lfs".utf8)

  /// - Throws: `CheckpointError.invalidFolder` where `bytes`, the beginning of a file, are a pointer's.
  static func refuse(_ bytes: some Sequence<UInt8>, file: String) throws {
    guard bytes.prefix(beginning.count).elementsEqual(beginning) else { return }
    throw CheckpointError.invalidFolder(
      file: file,
      fact:
        "this is a git-lfs pointer and not the file itself; run 'git lfs pull' in its folder, or download the file"
    )
  }
}
