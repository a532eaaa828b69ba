import Collectives
import Corpus
import Layers
import Models
import Tensors
import Topology
import Training

/// What the passes of one microbatch through a piece do and take, as the model's own code does them.
struct PieceTrace {
  /// One of the passes; its memory is beside what stood before it.
  struct Pass {
    var events: [Trace.Event] = []
    /// Of each size, the most buffers.
    var most = Footprint()
    var mostBytes = 0

    fileprivate init() {}

    fileprivate init(_ recording: Trace.Recording, beside before: Footprint) {
      events = recording.events
      most = recording.most - before
      mostBytes = recording.mostBytes - before.bytes
    }
  }

  private(set) var forward = Pass()
  private(set) var backward = Pass()
  /// What a schedule that splits the backward leaves for later.
  private(set) var weights = Pass()
  /// Kept between forward and backward: of a layer with its input, of the head its gradient.
  private(set) var saved = Footprint()
  /// Held between backward and weights.
  private(set) var deferred = Footprint()
  /// The ids and targets of a microbatch.
  private(set) var feed = Footprint()

  /// Runs one microbatch of `config` through `piece` on an imagined device.
  init(_ piece: Piece, _ config: RunConfig, splitsBackward: Bool) throws {
    let (device, trace) = Trace.start()
    let rank = Rank.traced(Mesh(tensor: config.mesh.tensor), stage: 0, trace)
    let axis = TensorAxis(rank.tensor, splitsTokens: config.mesh.sequenceParallel)
    let model = Transformer(
      config.model, part: piece.part(axis), recompute: config.training.recompute, on: device)
    let feeder = Feeder(config, model, Loader(RandomSamples(config)), rank)
    let empty = trace.used
    _ = try feeder.begin(step: 0, samples: 0..<config.training.microbatch)
    feed = trace.used - empty
    var microbatch = feeder[0].microbatch
    microbatch.weightGradients = WeightGradients(isDeferring: splitsBackward)
    let tokens = microbatch.tokens
    func hidden() -> Tensor {
      Tensor(uninitialized: Shape(axis.held(tokens), config.model.width), on: device)
    }
    let before = trace.used
    if piece == .head {
      var gradient: Tensor?
      forward = Pass(
        trace.record { gradient = Self.losses(model, hidden(), feeder[0], microbatch) }, beside: before)
      withExtendedLifetime(gradient) { saved = trace.used - before }
      return
    }
    var kept: Transformer.Saved?
    forward = Pass(
      trace.record {
        kept = model.forward(chunk: 0, piece == .embedding ? nil : hidden(), microbatch).saved
      }, beside: before)
    let standing = trace.used
    saved = standing - before
    let dHidden = hidden()
    backward = Pass(
      trace.record {
        // Handed over: who held it here would keep what the way back releases.
        if let saved = kept.take() { _ = model.backward(chunk: 0, dHidden, saved, microbatch) }
      }, beside: standing)
    let held = trace.used
    weights = Pass(trace.record { microbatch.weightGradients.flush() }, beside: held)
    deferred = held - trace.used
  }

  private static func losses(
    _ model: Transformer, _ x: Tensor, _ feed: PipelineEngine.Feed, _ microbatch: Microbatch
  ) -> Tensor? {
    guard let head = model.head, let targets = feed.targets else { return nil }
    return head.lossesAndGradient(x, targets, weights: LossWeights(token: 1, label: 1), microbatch).dx
  }
}
