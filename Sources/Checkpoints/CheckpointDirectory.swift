import Files
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A directory of checkpoints on the disk: names, and the steps that must survive a power cut.
///
/// A checkpoint is `step-00000100`. What is on its way in or out is hidden: `.step-00000100.partial` is being
/// written, `.replaced` was moved aside for a new one of the same step, `.deleted` is being removed.
struct CheckpointDirectory: Sendable {
  enum Passage: String, CaseIterable { case partial, replaced, deleted }

  let root: String

  func path(step: Int) -> String { "\(root)/\(Self.name(step: step))" }

  func path(step: Int, _ passage: Passage) -> String {
    "\(root)/.\(Self.name(step: step)).\(passage.rawValue)"
  }

  /// `step-` and at least eight digits.
  static func name(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// The step whose checkpoint has this name.
  static func step(ofName name: some StringProtocol) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0, Self.name(step: step) == name
    else { return nil }
    return step
  }

  /// The steps there are directories for, in order; none where the root does not exist.
  func steps() throws(FileFailure) -> [Int] { try names().compactMap { Self.step(ofName: $0) }.sorted() }

  func create() throws(FileFailure) { try Folder.create(root) }

  /// Makes an empty directory for a checkpoint to be written to.
  func begin(step: Int) throws(FileFailure) -> String {
    let path = path(step: step, .partial)
    try remove(path)
    guard mkdir(path, 0o755) == 0 else { throw .current(path, doing: "make this directory") }
    return path
  }

  /// Puts the directory from `begin` in place, complete and on the disk: the last act of writing.
  func commit(step: Int) throws(FileFailure) {
    let partial = path(step: step, .partial)
    let replaced = path(step: step, .replaced)
    try synchronize(partial)
    try remove(replaced)
    if exists(path(step: step)) { try move(path(step: step), to: replaced) }
    try move(partial, to: path(step: step))
    try synchronize(root)
    try remove(replaced)
  }

  /// Deletes a checkpoint so that none can ever be seen in part.
  func delete(step: Int) throws(FileFailure) { try moveAndRemove(path(step: step), step: step) }

  /// Removes the directory from `begin`, into which other ranks may still be writing: under another name, where their
  /// files find no place.
  func abandon(step: Int) throws(FileFailure) { try moveAndRemove(path(step: step, .partial), step: step) }

  private func moveAndRemove(_ path: String, step: Int) throws(FileFailure) {
    let deleted = self.path(step: step, .deleted)
    try remove(deleted)
    try move(path, to: deleted)
    try remove(deleted)
  }

  /// Removes what a killed process left on its way, and puts back a checkpoint that it had moved aside.
  func recover() throws(FileFailure) {
    for name in try names() where name.hasPrefix(".") {
      let parts = name.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, let step = Self.step(ofName: parts[0]),
        let passage = Passage(rawValue: String(parts[1]))
      else { continue }
      if passage == .replaced, !exists(path(step: step)) {
        try move(path(step: step, passage), to: path(step: step))
      } else {
        try remove(path(step: step, passage))
      }
    }
  }

  /// Removes what is at `path`, if anything.
  func remove(_ path: String) throws(FileFailure) { try Folder.remove(path) }

  private func names() throws(FileFailure) -> [String] {
    guard exists(root) else { return [] }
    do { return try FileManager.default.contentsOfDirectory(atPath: root) } catch {
      throw FileFailure(root, "cannot list this; check that it is a directory one may read")
    }
  }

  func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  func move(_ path: String, to target: String) throws(FileFailure) {
    guard rename(path, target) == 0 else { throw .current(target, doing: "rename \(path) into place") }
  }

  func synchronize(_ path: String) throws(FileFailure) { try Folder.synchronize(path) }
}
