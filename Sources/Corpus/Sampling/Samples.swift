/// An ordered collection of training samples, each `sequenceLength + 1` tokens: inputs and, one further,
/// targets. A sample's content depends on its index alone.
package protocol Samples: Sendable {
  var count: Int { get }
  var sequenceLength: Int { get }

  /// Replaces `tokens` by the `sequenceLength + 1` tokens of sample `index`, keeping its capacity.
  func read(_ index: Int, into tokens: inout [Int32]) throws
}
