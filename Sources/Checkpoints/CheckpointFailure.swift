import Files

/// What is wrong with a file of tensors or a checkpoint, in one sentence that a user can act on.
package struct CheckpointFailure: Error, CustomStringConvertible, Equatable {
  /// The file, the directory, or the setting.
  package let path: String
  package let reason: String

  package init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  package init(_ failure: FileFailure) { self.init(failure.path, failure.reason) }

  package var description: String { "\(path): \(reason)" }
}

extension String {
  /// The text in quotes for a sentence: escaped, and cut where a hostile file makes it endless.
  var quotedBriefly: String {
    let limit = 120
    return (count > limit ? String(prefix(limit)) + "…" : self).debugDescription
  }
}
