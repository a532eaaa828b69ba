/// Which checkpoints stay when a new one has been written.
package struct KeepPolicy: Codable, Sendable, Equatable {
  /// The newest ones that stay; 0 keeps all.
  package var last = 3
  /// Checkpoints of steps divisible by this stay for ever; 0 for none.
  package var every = 0

  package init() {}

  /// Throws the first setting that makes no sense.
  package func validate() throws(CheckpointFailure) {
    guard last >= 0 else { throw CheckpointFailure("last", "is \(last), expected 0 (keep all) or more") }
    guard every >= 0 else { throw CheckpointFailure("every", "is \(every), expected 0 (none) or more") }
  }

  /// Which of `steps` go, once the checkpoint of step `written` is there.
  func superseded(_ steps: [Int], written: Int) -> [Int] {
    guard last > 0 else { return [] }
    return steps.sorted().dropLast(last).filter { step in
      step != written && !(every > 0 && step.isMultiple(of: every))
    }
  }
}
