import Schedules
import Topology
import Training

/// What a stage's passes of one microbatch cost, chunk by chunk.
struct StageCosts {
  struct Chunk {
    var forward = PassCost()
    var backward = PassCost()
    var weights = PassCost()
    /// Of the backward, what one layer takes: buckets of gradients set out behind each.
    var layerBackward = 0.0
    var layers = 0
  }

  let chunks: [Chunk]

  init(
    _ stage: Int, _ config: RunConfig, _ schedule: Schedule, _ model: CostModel, _ library: TraceLibrary
  ) throws {
    let plan = config.stagePlan
    let isPiped = plan.stages > 1
    let splits = schedule.splitsBackward
    func trace(_ piece: Piece) throws -> PieceTrace {
      try library.piece(piece, config, splitsBackward: splits)
    }
    let layer = try trace(.layer)
    let (forward, backward, weights) = (
      model.cost(layer.forward.events), model.cost(layer.backward.events), model.cost(layer.weights.events)
    )
    let boundary = isPiped ? library.boundary(config) : nil
    // The wire's time is the sender's or the simulation's; what is gathered behind it is the receiver's.
    let arriving =
      boundary.map { boundary in
        var cost = model.cost(boundary.receive)
        cost.seconds -= cost.exposed.removeValue(forKey: .pipeline) ?? 0
        return cost
      } ?? PassCost()
    chunks = try (0..<plan.chunks).map { index in
      let count = plan.layers(stage: stage, chunk: index).count
      let isFirst = stage == 0 && index == 0
      let isLast = stage == plan.stages - 1 && index == plan.chunks - 1
      var chunk = Chunk()
      chunk.forward = count * forward
      chunk.backward = count * backward
      chunk.weights = count * weights
      chunk.layerBackward = backward.seconds
      chunk.layers = count
      if isFirst {
        let embedding = try trace(.embedding)
        chunk.forward = chunk.forward + model.cost(embedding.forward.events)
        chunk.backward = chunk.backward + model.cost(embedding.backward.events)
        chunk.weights = chunk.weights + model.cost(embedding.weights.events)
      } else {
        chunk.forward = chunk.forward + arriving
      }
      if isLast {
        chunk.forward = chunk.forward + model.cost(try trace(.head).forward.events)
      } else {
        chunk.backward = chunk.backward + arriving
      }
      // Where nothing overlaps, the sender stands still until the receiver has it.
      if isPiped, !model.overlap.contains(.pipeline) {
        if !isLast { chunk.forward = chunk.forward + Self.wire(boundary, stage, model) }
        if !isFirst { chunk.backward = chunk.backward + Self.wire(boundary, stage - 1, model) }
      }
      return chunk
    }
  }

  /// The wire between `stage` and the next.
  static func wire(_ boundary: BoundaryTrace?, _ stage: Int, _ model: CostModel) -> PassCost {
    guard let boundary else { return PassCost() }
    let stages = model.transfers.mesh.pipeline
    let seconds = boundary.receive.reduce(0.0) { sum, event in
      guard case .begin(let message, _) = event, message.among == .pipeline else { return sum }
      return sum
        + model.transfers.seconds(
          message, bytes: Double(message.bytes) * model.operations.arithmetic.activationScale,
          stage: (stage + stages) % stages)
    }
    return PassCost(seconds: seconds, exposed: [.pipeline: seconds])
  }

  func cost(of action: Action) -> PassCost {
    let chunk = chunks[action.chunk]
    return switch action {
    case .forward: chunk.forward
    case .backward: chunk.backward
    case .weights: chunk.weights
    }
  }
}
