import Layers
import Models
import Schedules
import Training

/// What a search may change of a recipe, and in what ways.
enum Choice: String, CaseIterable, Sendable {
  case tensor, pipeline, microbatch, interleave, schedule, recompute
  case sequenceParallel = "sequence_parallel"
  case shardOptimizer = "shard_optimizer"

  /// The recipe's key.
  var path: String {
    switch self {
    case .microbatch: "training.microbatch"
    case .recompute: "training.recompute"
    default: "mesh.\(rawValue)"
    }
  }

  func value(of config: RunConfig) -> String {
    switch self {
    case .tensor: "\(config.mesh.tensor)"
    case .pipeline: "\(config.mesh.pipeline)"
    case .microbatch: "\(config.training.microbatch)"
    case .interleave: "\(config.mesh.interleave)"
    case .schedule: config.mesh.scheduleKind.rawValue
    case .recompute: config.training.recompute.rawValue
    case .sequenceParallel: "\(config.mesh.sequenceParallel)"
    case .shardOptimizer: "\(config.mesh.shardOptimizer)"
    }
  }
}

extension RunConfig {
  /// Ways to run this recipe on `devices` devices, the batch left as it is: every tensor and pipeline size and every
  /// microbatch up to 64 that divides, 1F1B, zero bubble and up to eight chunks a stage where the layers divide, each with
  /// every recomputing, sequence parallelism and sharding; and the recipe's own. GPipe never beats 1F1B.
  func candidates(devices: Int) -> [RunConfig] {
    let isOne = (try? validate(ranks: devices)) != nil
    guard isOne, passes(mesh(ranks: devices)) <= Planner.mostPasses else { return others(devices: devices) }
    return [self]
      + others(devices: devices).filter { other in
        other.stagePlan != stagePlan
          || Choice.allCases.contains { $0.value(of: other) != $0.value(of: self) }
      }
  }

  private func others(devices: Int) -> [RunConfig] {
    let batch = training.globalBatch
    return devices.divisors.filter { $0 <= model.heads && model.tensorProblems($0, named: "").isEmpty }
      .flatMap { tensor in
        (devices / tensor).divisors.filter { $0 <= model.layers }.flatMap { pipeline -> [RunConfig] in
          let data = devices / tensor / pipeline
          guard batch % data == 0 else { return [] }
          return (batch / data).divisors.filter {
            $0 <= 64 && rampDivides(data * $0)
          }.flatMap {
            with(tensor: tensor, pipeline: pipeline, data: data, microbatch: $0)
          }
        }
      }
  }

  /// Whether a batch that grows is a multiple of `unit` all the time.
  private func rampDivides(_ unit: Int) -> Bool {
    batchRamp.samples == 0 || batchRamp.start % unit == 0 && batchRamp.increment % unit == 0
  }

  /// The schedules and savings of one mesh and microbatch.
  private func with(tensor: Int, pipeline: Int, data: Int, microbatch: Int) -> [RunConfig] {
    var config = self
    config.mesh.tensor = tensor
    config.mesh.pipeline = pipeline
    config.mesh.data = data
    config.mesh.layers = []
    config.training.microbatch = microbatch
    let microbatches = training.globalBatch / data / microbatch
    let tokens = config.tokensPerMicrobatch
    let orders = Self.orders(layers: model.layers, pipeline: pipeline, microbatches: microbatches)
    let parallel = tensor > 1 && tokens % tensor == 0 ? [false, true] : [false]
    let sharding = data > 1 ? [true, false] : [mesh.shardOptimizer]
    return orders.filter { microbatches * pipeline * $0.chunks <= Planner.mostPasses }.flatMap { order in
      Recompute.allCases.flatMap { recompute in
        parallel.flatMap { isParallel in
          sharding.map { isSharded in
            var one = config
            one.mesh.schedule = order.kind
            one.mesh.interleave = order.chunks
            one.mesh.sequenceParallel = isParallel
            one.mesh.shardOptimizer = isSharded
            one.training.recompute = recompute
            return one
          }
        }
      }
    }
  }

  private static func orders(
    layers: Int, pipeline: Int, microbatches: Int
  ) -> [(kind: Schedule.Kind, chunks: Int)] {
    guard pipeline > 1 else { return [(.oneForwardOneBackward, 1)] }
    let chunks = layers % pipeline == 0 ? (layers / pipeline).divisors.filter { (2...8).contains($0) } : []
    return [(.oneForwardOneBackward, 1), (.zeroBubble, 1)] + chunks.map { (.interleaved, $0) }
  }

  /// How far a candidate is from this recipe: who asked for one thing wants little else changed.
  func distance(to other: RunConfig) -> Double {
    func octaves(_ a: Int, _ b: Int) -> Double {
      Double(abs(a.leadingZeroBitCount - b.leadingZeroBitCount))
    }
    return 2 * octaves(mesh.tensor, other.mesh.tensor) + 2 * octaves(mesh.pipeline, other.mesh.pipeline)
      + octaves(training.microbatch, other.training.microbatch)
      + octaves(mesh.interleave, other.mesh.interleave)
      + (mesh.scheduleKind == other.mesh.scheduleKind ? 0 : 1)
      + (training.recompute == other.training.recompute ? 0 : 1)
      + (mesh.sequenceParallel == other.mesh.sequenceParallel ? 0 : 0.5)
      + (mesh.shardOptimizer == other.mesh.shardOptimizer ? 0 : 0.5)
  }

  /// What of this recipe a candidate changes, as `--set` takes it.
  func changes(to other: RunConfig) -> [String] {
    let chosen = Choice.allCases.compactMap { choice -> String? in
      let value = choice.value(of: other)
      return choice.value(of: self) == value ? nil : "\(choice.path)=\(value)"
    }
    return chosen + changesOfPlaces(to: other)
  }

  /// What follows from a choice, where this recipe says otherwise.
  func changesOfPlaces(to other: RunConfig) -> [String] {
    let data = mesh.data.flatMap { own in other.mesh.data == own ? nil : other.mesh.data }
    return (data.map { ["mesh.data=\($0)"] } ?? [])
      + (mesh.layers.isEmpty || mesh.layers == other.mesh.layers ? [] : ["mesh.layers=[]"])
  }
}

extension Int {
  /// In rising order.
  var divisors: [Int] {
    guard self > 0 else { return [] }
    var small: [Int] = [], large: [Int] = []
    var factor = 1
    while factor * factor <= self {
      if self % factor == 0 {
        small.append(factor)
        if factor * factor != self { large.append(self / factor) }
      }
      factor += 1
    }
    return small + large.reversed()
  }
}
