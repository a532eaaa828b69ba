import Telemetry
import Tensors
import Topology
import Training

/// Predictions for a dozen meshes of a small model on this machine, beside what its steps take.
package struct HereComparison {
  package struct Line: Encodable, Sendable {
    package let name: String
    package let predictedSeconds: Double
    package let measuredSeconds: Double
    /// Of the rounds, the median.
    package let timeError: Double
    package let predictedBytes: Double
    package let measuredBytes: Double
    package let memoryError: Double
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
  package init(_ recipe: RunConfig, rounds: Int, steps: Int = 3, progress: (String) -> Void = { _ in }) throws
  {
    let cases = Self.cases(Planner.prepared(recipe), ranks: 2)
    var measured: [[Line]] = cases.map { _ in [] }
    for round in 1...rounds {
      for group in Self.groups(cases) {
        // A machine's speed drifts: a few meshes at a time, each predicted from what was measured just before.
        var machine = MachineMeasurement(devices: cases[group.lowerBound].ranks)
        progress("round \(round) of \(rounds): measuring this machine as \(machine.description)")
        try machine.measure()
        let planner = Planner(machine.cluster)
        for index in group {
          progress("round \(round) of \(rounds): \(cases[index].name)")
          measured[index].append(try Self.line(cases[index], planner, steps: steps))
        }
      }
    }
    lines = measured.map { Line(medianOf: $0) }
  }

  /// Neighbours with the same number of ranks, at most four together.
  private static func groups(_ cases: [Case]) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    for index in cases.indices {
      if let last = groups.last, last.count < 4, cases[last.lowerBound].ranks == cases[index].ranks {
        groups[groups.count - 1] = last.lowerBound..<index + 1
      } else {
        groups.append(index..<index + 1)
      }
    }
    return groups
  }

  private static func line(_ item: Case, _ planner: Planner, steps: Int) throws -> Line {
    let plan = try planner.plan(item.config, devices: item.ranks)
    let threads = max(1, Device.processorCount / item.ranks)
    let run = try MeshRun(item.config, ranks: item.ranks, threads: threads, steps: steps)
    let perStage = Double(plan.mesh.tensor * plan.mesh.data)
    let predicted = plan.memory.reduce(0) { $0 + perStage * $1.total }
    let measured = Double(run.tensorBytes.reduce(0, +))
    return Line(
      name: item.name, predictedSeconds: plan.secondsPerStep, measuredSeconds: run.secondsPerStep,
      timeError: plan.secondsPerStep / run.secondsPerStep - 1,
      predictedBytes: predicted, measuredBytes: measured, memoryError: predicted / measured - 1)
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

extension HereComparison.Line {
  /// What rounds of one mesh have in the middle.
  fileprivate init(medianOf rounds: [HereComparison.Line]) {
    self.init(
      name: rounds.first?.name ?? "", predictedSeconds: rounds.map(\.predictedSeconds).median,
      measuredSeconds: rounds.map(\.measuredSeconds).median, timeError: rounds.map(\.timeError).median,
      predictedBytes: rounds.last?.predictedBytes ?? 0, measuredBytes: rounds.last?.measuredBytes ?? 0,
      memoryError: rounds.last?.memoryError ?? 0)
  }
}
