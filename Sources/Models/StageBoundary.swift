import Collectives
import Layers
import Tensors

/// What passes between neighbouring pipeline stages: activations forward, their gradients backward.
///
/// Ranks of the tensor axis hold the same tokens: each sends its part to its counterpart, and the next stage gathers
/// the parts among its own ranks, which are near (PTD-P §4.1). Where ranks divide the tokens there is nothing to cut.
package struct StageBoundary {
  private let pipeline: Group
  private let axis: TensorAxis
  private let scatters: Bool
  private let chunks: Int
  private let rows: Int
  private let width: Int
  private let device: Device

  package enum Direction: Int { case forward, backward }

  package init(
    _ rank: Rank, _ axis: TensorAxis, scatters: Bool, chunks: Int, tokens: Int, width: Int, on device: Device
  ) {
    pipeline = rank.pipeline
    self.axis = axis
    rows = axis.held(tokens)
    self.scatters = scatters && axis.count > 1 && !axis.splitsTokens && rows % axis.count == 0
    self.chunks = chunks
    self.width = width
    self.device = device
  }

  /// Whether chunk `chunk` of this stage is the model's first or last piece, in the direction given.
  package func isEnd(_ direction: Direction, chunk: Int) -> Bool {
    switch direction {
    case .forward: pipeline.rank == pipeline.count - 1 && chunk == chunks - 1
    case .backward: pipeline.rank == 0 && chunk == 0
    }
  }

  /// Sends what chunk `chunk` of this stage made to the piece that follows in `direction`. `x` is given away; who does
  /// not want to run far ahead of the next stage waits for the transfer.
  @discardableResult
  package func send(_ x: Tensor, _ direction: Direction, microbatch: Int, chunk: Int) -> Pending {
    let isForward = direction == .forward
    let next = pipeline.rank + (isForward ? 1 : -1)
    let wraps = !(0..<pipeline.count).contains(next)
    let target = (next + pipeline.count) % pipeline.count
    let piece = chunk + (wraps ? (isForward ? 1 : -1) : 0)
    let part = scatters ? x.rows(.part(axis.rank, of: axis.count, count: rows)) : x
    return pipeline.startSend(part, to: target, tag: tag(direction, microbatch, piece))
  }

  /// What chunk `chunk` of this stage gets from the piece before it in `direction`.
  package func receive(_ direction: Direction, microbatch: Int, chunk: Int) -> Tensor {
    let before = pipeline.rank + (direction == .forward ? -1 : 1)
    let source = (before + pipeline.count) % pipeline.count
    let part = Tensor(uninitialized: Shape(scatters ? rows / axis.count : rows, width), on: device)
    pipeline.receive(part, from: source, tag: tag(direction, microbatch, chunk))
    guard scatters else { return part }
    let whole = Tensor(uninitialized: Shape(rows, width), on: device)
    axis.group.allGather(part, into: whole)
    return whole
  }

  /// Of a message to `chunk`.
  private func tag(_ direction: Direction, _ microbatch: Int, _ chunk: Int) -> Int {
    (microbatch * chunks + chunk) * 2 + direction.rawValue
  }
}
