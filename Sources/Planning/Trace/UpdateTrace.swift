import Collectives
import Layers
import Models
import Tensors
import Topology
import Training

/// What a stage does once a step, and what its parameters take.
struct UpdateTrace {
  /// Buckets of gradients setting out as the last microbatch goes back, a mark behind each layer.
  let buckets: [Trace.Event]
  /// From the last backward to the sums over the mesh.
  let sums: [Trace.Event]
  /// The optimizer, and the new values on their way.
  let apply: [Trace.Event]
  /// Parameters that a rank of the stage holds.
  let heldCount: Int
  /// Of those, the ones that it updates.
  let updatedCount: Int
  /// The optimizer's state, masters among them, as this engine keeps it.
  let optimizer: Footprint
  /// What the model keeps beside its parameters: tables of rotations.
  let tables: Footprint
  /// Of each size, the most that the update takes beside it all.
  let most: Footprint

  init(_ config: RunConfig, _ mesh: Mesh, stage: Int) {
    let (device, trace) = Trace.start()
    let rank = Rank.traced(mesh, stage: stage, trace)
    let model = config.model(of: rank, on: device)
    heldCount = model.store.count
    let arena = Footprint([Device.capacity(bytes: heldCount * DType.f32.size): 2])
    let built = trace.used
    tables = built - arena
    let update = ParameterUpdate(config, model, rank)
    let standing = trace.used
    optimizer = standing - built
    updatedCount = update.updatedCount
    let setOut = trace.record {
      for block in model.chunks.flatMap(\.self).reversed() {
        update.complete(from: block.body.attention.qkv.linear.weight.range.lowerBound)
        trace.completeLayer()
      }
    }
    let summed = trace.record { _ = update.sumGradients() }
    let applied = trace.record { update.apply(step: 1, learningRate: 0, gradientScale: 1) }
    most = setOut.most.union(summed.most).union(applied.most) - standing
    (buckets, sums, apply) = (setOut.events, summed.events, applied.events)
  }
}
