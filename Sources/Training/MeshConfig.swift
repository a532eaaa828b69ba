import Schedules

/// How a run is divided among ranks.
package struct MeshConfig: Codable, Sendable, Equatable {
  /// Ranks that divide every matrix product (tensor parallelism, Megatron-LM).
  package var tensor = 1
  /// Pipeline stages: ranks that divide the layers.
  package var pipeline = 1
  /// Ranks that read different samples; nil: what the run's ranks leave over.
  package var data: Int?
  /// Whether the ranks that divide the products also divide the tokens between them (Korthikanti et al. 2022).
  package var sequenceParallel = false
  /// The order of the microbatches; nil: `interleaved` where `interleave` is above 1, else `1f1b`.
  package var schedule: Schedule.Kind?
  /// Model chunks of each pipeline stage.
  package var interleave = 1
  /// Layers of each stage, or of each run of layers where stages interleave, in the model's order; empty: such
  /// that the dearest stage, the head counted, is as cheap as can be.
  package var layers: [Int] = []
  /// Whether what crosses a stage boundary is cut among the tensor ranks on the way (PTD-P §4.1).
  package var scatterBoundaries = true
  /// Whether each data-parallel rank keeps the optimizer's state of its part alone (ZeRO-1).
  package var shardOptimizer = true
  /// How gradients travel between data-parallel ranks; they are added in f32.
  package var reduction = Reduction.f32
  /// Bytes of gradients that set out together while the backward still runs.
  package var bucketBytes = 32 << 20
  /// Seconds after which a rank that waits for others names them and ends the job.
  package var timeout = 600.0

  package enum Reduction: String, Codable, CaseIterable, Sendable { case f32, bf16 }

  package init() {}

  /// The schedule, where none is named.
  package var scheduleKind: Schedule.Kind {
    schedule ?? (interleave > 1 ? .interleaved : .oneForwardOneBackward)
  }
}
