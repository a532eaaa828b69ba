import Topology

/// What traces cost on a cluster.
struct CostModel {
  let operations: OperationTime
  let transfers: TransferTime
  let overlap: Set<Message.Among>

  init(_ cluster: Cluster, _ arithmetic: Arithmetic, _ mesh: Mesh) {
    operations = OperationTime(cluster, arithmetic)
    transfers = TransferTime(cluster: cluster, mesh: mesh)
    overlap = Set(
      cluster.software.overlap.map { axis -> Message.Among in
        switch axis {
        case .tensor: .tensor
        case .data: .data
        case .pipeline: .pipeline
        }
      })
  }

  /// A pass of a microbatch.
  func cost(_ events: [Trace.Event]) -> PassCost {
    var clock = Clock(overlap: overlap)
    run(events, on: &clock, isOfActivations: true)
    return PassCost(seconds: clock.now, exposed: clock.exposed)
  }

  /// - Parameters:
  ///   - isOfActivations: whether what is moved shrinks with the type of activations.
  ///   - completions: when each layer's gradients are complete; the stretch starts where they are.
  func run(
    _ events: [Trace.Event], on clock: inout Clock, isOfActivations: Bool, scale: Double? = nil,
    completions: [Double] = []
  ) {
    let scale = scale ?? (isOfActivations ? operations.arithmetic.activationScale : 1)
    var layers = 0
    for event in events {
      switch event {
      case .operation(let operation, let flops, let bytes):
        clock.compute(
          operations.seconds(operation, flops: flops, bytes: bytes, isOfActivations: isOfActivations))
      case .begin(let message, let id):
        clock.begin(
          message.among, id: id,
          seconds: transfers.seconds(message, bytes: Double(message.bytes) * scale),
          earliest: completions.isEmpty ? nil : completions[min(layers, completions.count - 1)])
      case .wait(let id): clock.wait(id: id)
      case .layerCompleted: layers += 1
      }
    }
  }
}
