import CAllocations
import Collectives
import Corpus
import Layers
import Models
import Telemetry
import Tensors

/// Times training steps on random tokens: the whole step, as a run would do it, without data or records.
package struct StepBenchmark {
  package let parameters: Int
  package let threads: Int
  package let instructionSet: Device.InstructionSet
  package let tokensPerStep: Int
  /// Of each timed step.
  package let seconds: [Double]
  package let flopsPerToken: Double
  /// Multiply-add rate of the same threads on registers, FLOP/s.
  package let peak: Double
  package let peakMemory: Int
  /// Tensor requests per timed step that found no recycled memory.
  package let poolMissesPerStep: Double
  /// Heap allocations of the issuing thread per timed step; nil where they are not counted.
  package let allocationsPerStep: Double?
  package let lastLoss: Double
  /// Activations of a microbatch between forward and backward, in bytes: by `savedBytes`, and as the pool saw it.
  package let savedBytes: (predicted: Int, measured: Int)
  /// Of the timed steps, where asked for.
  package let profile: StepProfile?

  /// What the FLOPs count.
  package static let convention =
    "model FLOPs: 6 per matrix weight and token + 12·layers·heads·head_width·length (full square), no recompute"

  /// Runs `warmup` + `steps` updates of the recipe's model. The device has `instructionSet`, which is available.
  package init(
    _ recipe: RunConfig, steps: Int, warmup: Int = 2, instructionSet: Device.InstructionSet = .best,
    isProfiled: Bool = false
  ) throws {
    var config = recipe.onRandomTokens
    // One rank runs all of the model, whatever the recipe's mesh.
    config.mesh = MeshConfig()
    config.training.steps = steps + warmup
    try config.validate()
    let device = Device(
      threads: config.training.threads ?? Device.processorCount, instructionSet: instructionSet)
    let model = Transformer(config.model, recompute: config.training.recompute, on: device)
    model.store.initialize(seed: UInt64(config.training.seed))
    let samples = RandomSamples(config)
    let step = TrainStep(config, model: model, loader: Loader(samples))
    let peakBefore = device.measurePeak(seconds: 0.2)
    for _ in 0..<warmup { _ = try step.run() }
    let profile = isProfiled ? Profile() : nil
    var seconds: [Double] = []
    seconds.reserveCapacity(steps)
    var loss = 0.0
    let misses = device.misses, allocations = allocations_of_this_thread()
    for _ in 0..<steps {
      let start = ContinuousClock.now
      loss = try profile?.measureStep(on: device) { try step.run().loss } ?? step.run().loss
      seconds.append((ContinuousClock.now - start).seconds)
    }
    allocationsPerStep =
      allocations_are_counted()
      ? Double(allocations_of_this_thread() - allocations) / Double(max(1, steps)) : nil
    parameters = model.store.parameterCount
    threads = device.threads
    self.instructionSet = device.instructionSet
    tokensPerStep = config.training.globalBatch * config.tokensPerSample
    self.seconds = seconds
    flopsPerToken = config.model.modelFLOPs(
      perTokenOfLength: config.sequenceLength, predicted: config.predictedShare)
    let peak = max(peakBefore, device.measurePeak(seconds: 0.2))
    self.peak = peak
    peakMemory = Device.peakResidentBytes
    poolMissesPerStep = Double(device.misses - misses) / Double(max(1, steps))
    lastLoss = loss
    savedBytes = Self.measureSaved(
      model, sequences: config.training.microbatch * config.model.choices, length: config.sequenceLength)
    self.profile = profile.flatMap { StepProfile($0, of: model, peak: peak) }
  }

  private static func measureSaved(
    _ model: Transformer, sequences: Int, length: Int
  ) -> (predicted: Int, measured: Int) {
    let zeros = Tensor(
      [Int32](repeating: 0, count: sequences * length), Shape(sequences * length), on: model.device)
    let microbatch = Microbatch(
      ids: zeros, positions: zeros, segments: zeros, sequences: sequences, length: length)
    let before = model.device.usedBytes
    let saved = model.forward(microbatch).saved
    let kept = model.device.usedBytes - before
    withExtendedLifetime(saved) {}
    return (model.savedBytes(tokens: microbatch.tokens), kept)
  }

  /// Of the median step.
  package var tokensPerSecond: Double { seconds.isEmpty ? 0 : Double(tokensPerStep) / seconds.median }

  package var flopsPerSecond: Double { tokensPerSecond * flopsPerToken }
}
