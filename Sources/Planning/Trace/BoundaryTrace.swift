import Collectives
import Layers
import Models
import Tensors
import Topology
import Training

/// What passes between two stages, as the code that receives it does it.
struct BoundaryTrace {
  /// With what tensor ranks then gather among themselves.
  let receive: [Trace.Event]

  init(_ config: RunConfig) {
    let (device, trace) = Trace.start()
    let rank = Rank.traced(Mesh(tensor: config.mesh.tensor, pipeline: 3), stage: 1, trace)
    let axis = TensorAxis(rank.tensor, splitsTokens: config.mesh.sequenceParallel)
    let tokens = config.tokensPerMicrobatch, width = config.model.width
    let boundary = StageBoundary(
      rank, axis, scatters: config.mesh.scatterBoundaries, chunks: 1, tokens: tokens, width: width, on: device
    )
    receive = trace.record { _ = boundary.receive(.forward, microbatch: 0, chunk: 0) }.events
  }
}
