import Collectives
import Layers
import Models
import Recipes
import Schedules
import Tensors
import Topology

extension RunConfig {
  /// Throws every rule that the recipe breaks, on `ranks` ranks.
  package func validate(ranks: Int) throws(RecipeFailure) {
    try validate()
    try RecipeFailure.report([meshIsPositive()])
    try RecipeFailure.report([meshHasRanks(ranks)])
    let mesh = mesh(ranks: ranks)
    try RecipeFailure.report(
      model.tensorProblems(self.mesh.tensor, named: "mesh.tensor") + [
        layersSuffice(), layerCountsFit(), batchDivides(mesh), rampDivides(mesh), tokensDivide(),
        scheduleFits(mesh),
      ])
  }

  /// The mesh of `ranks` ranks, which `validate` has accepted.
  package func mesh(ranks: Int) -> Mesh {
    let model = mesh.tensor * mesh.pipeline
    return Mesh(tensor: mesh.tensor, pipeline: mesh.pipeline, data: mesh.data ?? max(1, ranks / model))
  }

  /// Which layers stand where.
  package var stagePlan: StagePlan {
    if !mesh.layers.isEmpty {
      return StagePlan(stages: mesh.pipeline, chunks: mesh.interleave, layerCounts: mesh.layers)
    }
    return StagePlan(
      layers: model.layers, stages: mesh.pipeline, chunks: mesh.interleave,
      headCost: predictedShare * model.headCost)
  }

  /// What `rank` holds of the model.
  package func part(of rank: Rank) -> TransformerPart {
    .stage(
      rank.place.pipeline, of: stagePlan, TensorAxis(rank.tensor, splitsTokens: mesh.sequenceParallel))
  }

  /// That part, with unset parameters that data-parallel ranks can divide.
  package func model(of rank: Rank, on device: Device) -> Transformer {
    Transformer(
      model, part: part(of: rank), recompute: training.recompute,
      multiple: GradientBuckets.multiple(ranks: rank.data.count), on: device)
  }

  // MARK: Rules

  private func meshIsPositive() -> String? {
    let sizes = [
      ("tensor", mesh.tensor), ("pipeline", mesh.pipeline), ("data", mesh.data ?? 1),
      ("interleave", mesh.interleave),
    ]
    // Products of three do not overflow.
    let limit = 1 << 20
    if let (name, size) = sizes.first(where: { !(1...limit).contains($0.1) }) {
      return "mesh.\(name) must lie in 1 ... \(limit), got \(size)"
    }
    return mesh.bucketBytes > 0 ? nil : "mesh.bucket_bytes must be at least 1, got \(mesh.bucketBytes)"
  }

  private func meshHasRanks(_ ranks: Int) -> String? {
    let model = mesh.tensor * mesh.pipeline
    let size = "mesh.tensor \(mesh.tensor) × mesh.pipeline \(mesh.pipeline)"
    guard let data = mesh.data else {
      return ranks % model == 0
        ? nil
        : "\(size) = \(model) does not divide the \(ranks) ranks of the run: start a multiple of \(model), such as "
          + "--ranks \(max(1, ranks / model) * model)"
    }
    return data * model == ranks
      ? nil
      : "\(size) × mesh.data \(data) = \(data * model), the run has \(ranks) ranks: start --ranks \(data * model), or "
        + "leave mesh.data out"
  }

  private func layersSuffice() -> String? {
    let runs = mesh.pipeline * mesh.interleave
    if mesh.interleave > 1, mesh.pipeline == 1 {
      return
        "mesh.interleave \(mesh.interleave) needs a pipeline: set mesh.pipeline to 2 or more, or mesh.interleave "
        + "to 1"
    }
    return model.layers >= runs
      ? nil
      : "model.layers \(model.layers) cannot fill mesh.pipeline \(mesh.pipeline) × mesh.interleave "
        + "\(mesh.interleave) = \(runs) places: at most \(model.layers) would work"
  }

  private func layerCountsFit() -> String? {
    guard !mesh.layers.isEmpty else { return nil }
    let runs = mesh.pipeline * mesh.interleave
    guard mesh.layers.count == runs, mesh.layers.allSatisfy({ (1...model.layers).contains($0) }),
      mesh.layers.reduce(0, +) == model.layers
    else {
      return
        "mesh.layers \(mesh.layers) must be \(runs) numbers above 0 (mesh.pipeline × mesh.interleave) that add up to "
        + "model.layers \(model.layers)"
    }
    return nil
  }

  private func batchDivides(_ mesh: Mesh) -> String? {
    let unit = training.microbatch * mesh.data
    guard training.globalBatch % unit != 0 else { return nil }
    let least = max(1, training.globalBatch / unit) * unit
    return "training.global_batch \(training.globalBatch) is not a multiple of training.microbatch "
      + "\(training.microbatch) × \(mesh.data) data-parallel ranks: \(least) would work"
  }

  private func rampDivides(_ mesh: Mesh) -> String? {
    let unit = training.microbatch * mesh.data
    guard batchRamp.samples > 0, batchRamp.start % unit != 0 || batchRamp.increment % unit != 0 else {
      return nil
    }
    return
      "batch_ramp.start \(batchRamp.start) and batch_ramp.increment \(batchRamp.increment) must be multiples of "
      + "training.microbatch \(training.microbatch) × \(mesh.data) data-parallel ranks"
  }

  private func tokensDivide() -> String? {
    let tokens = tokensPerMicrobatch
    guard mesh.sequenceParallel, tokens % mesh.tensor != 0 else { return nil }
    return
      "mesh.sequence_parallel divides the \(tokens) tokens of a microbatch (training.microbatch × model.choices × sequence length) "
      + "among mesh.tensor \(mesh.tensor) ranks: one must be a multiple of the other"
  }

  private func scheduleFits(_ mesh: Mesh) -> String? {
    // A batch that does not divide has a sentence of its own.
    Schedule.problem(
      kind: self.mesh.scheduleKind, stages: mesh.pipeline, chunks: self.mesh.interleave,
      microbatches: max(1, training.globalBatch / (training.microbatch * mesh.data)))
  }
}
