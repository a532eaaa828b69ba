import Collectives
import Corpus
import Models
import Telemetry
import Tensors
import Topology
import Training

/// Steps of a run on this machine, its ranks threads of this process, on random tokens.
package struct MeshRun: Sendable {
  /// Of every timed step, of the whole mesh.
  package let seconds: [Double]
  /// Bytes that each rank's pool took for tensors.
  package let tensorBytes: [Int]
  /// Where the time went, of all ranks.
  let rows: [Profile.Row]

  package var secondsPerStep: Double { seconds.median }

  /// - Parameters:
  ///   - threads: of each rank.
  ///   - warmup: steps before the timed ones.
  package init(
    _ recipe: RunConfig, ranks: Int, threads: Int, steps: Int, warmup: Int = 2, isProfiled: Bool = false
  ) throws {
    var config = Planner.prepared(recipe)
    config.training.steps = steps + warmup
    config.training.threads = threads
    try config.validate(ranks: ranks)
    let resolved = config
    let results = try LocalCluster.run(config.mesh(ranks: ranks)) { rank in
      try Self.run(resolved, rank, steps: steps, warmup: warmup, isProfiled: isProfiled)
    }
    seconds = results[0].seconds
    tensorBytes = results.flatMap(\.tensorBytes)
    rows = results.flatMap(\.rows)
  }

  private init(seconds: [Double], tensorBytes: [Int], rows: [Profile.Row]) {
    (self.seconds, self.tensorBytes, self.rows) = (seconds, tensorBytes, rows)
  }

  private static func run(
    _ config: RunConfig, _ rank: Rank, steps: Int, warmup: Int, isProfiled: Bool
  ) throws -> MeshRun {
    let device = Device(threads: config.training.threads ?? 1)
    let model = config.model(of: rank, on: device)
    model.store.initialize(seed: UInt64(config.training.seed))
    let step = TrainStep(config, model: model, loader: Loader(RandomSamples(config)), rank: rank)
    for _ in 0..<warmup { _ = try step.run() }
    let profile = Profile()
    var seconds: [Double] = []
    for _ in 0..<steps {
      rank.world.barrier(on: device)
      let start = ContinuousClock.now
      if isProfiled { try profile.measureStep(on: device) { _ = try step.run() } } else { _ = try step.run() }
      rank.world.barrier(on: device)
      seconds.append((ContinuousClock.now - start).seconds)
    }
    return MeshRun(seconds: seconds, tensorBytes: [device.reservedBytes], rows: profile.rows)
  }
}
