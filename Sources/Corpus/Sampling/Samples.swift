/// An ordered collection of training samples. A sample's content depends on its index alone, and several
/// threads may read at once.
package protocol Samples: Sendable {
  var count: Int { get }
  /// Tokens of a sequence, padding included.
  var sequenceLength: Int { get }
  /// What each sample appends besides tokens and targets.
  var layout: Batch.Layout { get }

  /// Appends sample `index` to the arrays of `batch`.
  func append(_ index: Int, to batch: inout Batch) throws
}

extension Samples {
  package var layout: Batch.Layout { Batch.Layout() }
}
