import Telemetry
import Tensors
import Topology
import Training

/// Predictions for a dozen meshes of a small model on this machine, beside what its steps take.
package struct HereComparison {
  package struct Line: Sendable {
    package let name: String
    package let predictedSeconds: Double
    package let measuredSeconds: Double
    package let predictedBytes: Double
    package let measuredBytes: Double

    package var timeError: Double { predictedSeconds / measuredSeconds - 1 }
    package var memoryError: Double { predictedBytes / measuredBytes - 1 }
  }

  private struct Case {
    let name: String
    let config: RunConfig
    let ranks: Int
  }

  package let lines: [Line]

  /// - Parameters:
  ///   - rounds: how often machine and meshes are measured in turns; a machine's speed drifts.
  ///   - progress: told what is done next.
  package init(_ recipe: RunConfig, rounds: Int = 3, steps: Int = 3, progress: (String) -> Void = { _ in }) throws {
    let cases = Self.cases(Planner.prepared(recipe), ranks: max(2, Device.processorCount))
    var machines = Set(cases.map(\.ranks)).sorted().map { MachineMeasurement(devices: $0) }
    var seconds: [[Double]] = cases.map { _ in [] }
    var bytes = cases.map { _ in 0 }
    for round in 1...rounds {
      for index in machines.indices {
        progress("round \(round) of \(rounds): measuring \(machines[index].cluster.name)")
        try machines[index].measure()
      }
      for (index, item) in cases.enumerated() {
        progress("round \(round) of \(rounds): \(item.name)")
        let threads = max(1, Device.processorCount / item.ranks)
        let run = try MeshRun(item.config, ranks: item.ranks, threads: threads, steps: steps)
        seconds[index] += run.seconds
        bytes[index] = run.tensorBytes
      }
    }
    lines = try cases.enumerated().map { index, item in
      let cluster = machines.first { $0.devices == item.ranks }?.cluster ?? Cluster()
      let plan = try Planner(cluster).plan(item.config, devices: item.ranks)
      let perStage = Double(plan.mesh.tensor * plan.mesh.data)
      return Line(
        name: item.name, predictedSeconds: plan.secondsPerStep, measuredSeconds: seconds[index].median,
        predictedBytes: plan.memory.reduce(0) { $0 + perStage * $1.total }, measuredBytes: Double(bytes[index]))
    }
  }

  private static func cases(_ base: RunConfig, ranks: Int) -> [Case] {
    func with(_ name: String, ranks count: Int? = nil, _ change: (inout RunConfig) -> Void) -> Case {
      var config = base
      config.mesh = MeshConfig()
      config.training.recompute = .none
      change(&config)
      return Case(name: name, config: config, ranks: count ?? ranks)
    }
    return [
      with("one rank, all threads", ranks: 1) { _ in },
      with("one rank, recompute full", ranks: 1) { $0.training.recompute = .full },
      with("DP\(ranks)") { $0.mesh.data = ranks },
      with("DP\(ranks), every rank updates all") {
        $0.mesh.data = ranks
        $0.mesh.shardOptimizer = false
      },
      with("DP\(ranks), recompute selective") {
        $0.mesh.data = ranks
        $0.training.recompute = .selective
      },
      with("TP\(ranks)") { $0.mesh.tensor = ranks },
      with("TP\(ranks), sequence parallel") {
        $0.mesh.tensor = ranks
        $0.mesh.sequenceParallel = true
      },
      with("TP\(ranks), recompute full") {
        $0.mesh.tensor = ranks
        $0.training.recompute = .full
      },
      with("PP\(ranks), 1f1b") { $0.mesh.pipeline = ranks },
      with("PP\(ranks), gpipe") {
        $0.mesh.pipeline = ranks
        $0.mesh.schedule = .gpipe
      },
      with("PP\(ranks), two chunks") {
        $0.mesh.pipeline = ranks
        $0.mesh.interleave = 2
      },
      with("PP\(ranks), zero bubble") {
        $0.mesh.pipeline = ranks
        $0.mesh.schedule = .zeroBubble
      },
    ]
  }
}
