import Files

/// A directory of checkpoints, to read from.
package struct CheckpointStore: Sendable {
  package let root: String

  package init(_ root: String) { self.root = root }

  /// What is in a store: checkpoints whose manifests are sound, newest first, and what is wrong with the others.
  package struct Scan {
    package var checkpoints: [Checkpoint] = []
    package var damaged: [CheckpointFailure] = []
  }

  /// Reads every manifest, and no shard: `Checkpoint.restore` verifies those. Throws when the directory cannot
  /// be listed; one that does not exist holds nothing.
  package func scan() throws -> Scan {
    var scan = Scan()
    for step in try directory.steps().reversed() {
      do throws(CheckpointFailure) {
        scan.checkpoints.append(try Checkpoint(directory.path(step: step)))
      } catch { scan.damaged.append(error) }
    }
    return scan
  }

  /// The newest checkpoint with a sound manifest; nil when there is none.
  package func latest() throws -> Checkpoint? {
    for step in try directory.steps().reversed() {
      if let checkpoint = try? Checkpoint(directory.path(step: step)) { return checkpoint }
    }
    return nil
  }

  /// The newest checkpoint before `step` whose files are all as they were written.
  package func latestIntact(before step: Int) -> Checkpoint? {
    let steps = (try? directory.steps()) ?? []
    for step in steps.reversed().drop(while: { $0 >= step }) {
      if let checkpoint = try? Checkpoint(directory.path(step: step)), (try? checkpoint.verify()) != nil {
        return checkpoint
      }
    }
    return nil
  }

  private var directory: CheckpointDirectory { CheckpointDirectory(root: root) }
}
