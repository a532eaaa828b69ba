import Tensors

/// A differentiable piece of a model: a pullback with its captures named.
///
/// Gradients of parameters are accumulated (`+=`), gradients of activations are assigned. That makes the
/// accumulation over microbatches free.
package protocol Layer {
  /// What forward leaves behind for backward, and nothing else.
  associatedtype Saved

  /// y = f(x).  x, y: [tokens, width]
  func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Saved)

  /// dx from dy, where dy = ∂loss/∂y.
  func backward(_ dy: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch) -> Tensor

  /// Bytes that `Saved` keeps for so many tokens, beyond x itself.
  func savedBytes(tokens: Int) -> Int
}

/// The tokens that go through a model together, and what belongs to them.
package struct Microbatch {
  /// Ids, sequence after sequence. [tokens], i32
  package let ids: Tensor
  /// The position of each token in its sequence. [tokens], i32
  package let positions: Tensor
  /// The segment of each token, where the model has segment vectors. [tokens], i32
  package let segments: Tensor?
  package let sequences: Int
  /// Tokens of each sequence.
  package let length: Int
  /// Tokens of each sequence that are not padding, 1 ... length; nil: all. [sequences], i32
  package let visible: Tensor?
  /// Key of the random numbers of this microbatch; nil where nothing is dropped.
  package var key: RandomKey?
  /// Where weight gradients go.
  package var weightGradients: WeightGradients
  /// Where the keys and values of earlier tokens lie, when texts are continued.
  package var paged: PagedTokens?

  package init(
    ids: Tensor, positions: Tensor, segments: Tensor? = nil, sequences: Int, length: Int,
    visible: Tensor? = nil, key: RandomKey? = nil, weightGradients: WeightGradients = WeightGradients(),
    paged: PagedTokens? = nil
  ) {
    precondition(ids.count == sequences * length, "\(ids.count) ids for \(sequences) × \(length) tokens")
    self.ids = ids
    self.positions = positions
    self.segments = segments
    self.sequences = sequences
    self.length = length
    self.visible = visible
    self.key = key
    self.weightGradients = weightGradients
    self.paged = paged
  }

  /// Sequences of equal length to be read once and not learned from.
  package init(_ ids: [Int32], sequences: Int, on device: Device) {
    let length = ids.count / max(1, sequences), shape = Shape(ids.count)
    self.init(
      ids: Tensor(ids, shape, on: device),
      positions: Tensor(ids.indices.map { Int32($0 % length) }, shape, on: device),
      sequences: sequences, length: length)
  }

  /// New tokens of several texts, one behind the other, that go on where their pages end.
  package init(continuing ids: [Int32], positions: [Int32], _ paged: PagedTokens, on device: Device) {
    let shape = Shape(ids.count)
    self.init(
      ids: Tensor(ids, shape, on: device), positions: Tensor(positions, shape, on: device), sequences: 1,
      length: ids.count, paged: paged)
  }

  package var tokens: Int { sequences * length }
}
