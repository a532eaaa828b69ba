import Telemetry
import Training

/// An advice of PTD-P, and whether it holds here: by plans of both kinds, not by authority.
package struct Takeaway {
  package let advice: String
  /// nil: there is nothing to compare.
  package let holds: Bool?
  package let evidence: String

  static func all(_ best: StepPlan, _ race: Race, _ cluster: Cluster) throws -> [Takeaway] {
    try [tensorInNode(race, cluster), modelParallelJustEnough(race), microbatch(race)]
  }

  private static func brief(_ plan: StepPlan) -> String {
    "\(plan.mesh) microbatch \(plan.config.training.microbatch): \(Brief.count(plan.secondsPerStep)) s"
  }

  /// §3.2: "tensor model parallelism up to degree g on g-GPU servers, then pipeline parallelism across servers".
  private static func tensorInNode(_ race: Race, _ cluster: Cluster) throws -> Takeaway {
    let node = cluster.node.devices
    let advice = "1: divide products among at most the \(node) devices of a node, then the layers among nodes"
    let inside = try race.fastest(1) { $0.mesh.tensor <= node }.first
    let across = try race.fastest(1) { $0.mesh.tensor > node }.first
    guard let inside, let across else {
      return Takeaway(
        advice: advice, holds: nil,
        evidence: across == nil ? "nothing wider than a node fits or divides" : "nothing within a node fits")
    }
    return Takeaway(
      advice: advice, holds: inside.secondsPerStep <= across.secondsPerStep,
      evidence: "best within a node \(brief(inside)), beyond \(brief(across))")
  }

  /// §3.3: "a total model-parallel size of M = t·p should be used so that the model fits; data parallelism for the
  /// rest".
  private static func modelParallelJustEnough(_ race: Race) throws -> Takeaway {
    let advice = "2: as little model parallelism as fits, data parallelism for the rest"
    func size(_ config: RunConfig) -> Int { config.mesh.tensor * config.mesh.pipeline }
    let sizes = race.values(of: size).sorted()
    guard let least = sizes.first, sizes.count > 1,
      let lean = try race.fastest(1, where: { size($0) == least }).first,
      let wide = try race.fastest(1, where: { size($0) > least }).first
    else { return Takeaway(advice: advice, holds: nil, evidence: "only one size fits") }
    return Takeaway(
      advice: advice, holds: lean.secondsPerStep <= wide.secondsPerStep,
      evidence: "least that fits \(brief(lean)), best of more \(brief(wide))")
  }

  /// §3.4: "the optimal microbatch size depends on throughput and memory of the model, p, d and B".
  private static func microbatch(_ race: Race) throws -> Takeaway {
    let plans = try race.values { $0.training.microbatch }.sorted().compactMap { size in
      try race.fastest(1) { $0.training.microbatch == size }.first
    }
    let best = plans.min { $0.secondsPerStep < $1.secondsPerStep }
    return Takeaway(
      advice: "3: the best microbatch depends on the model, the mesh and the batch: try them", holds: nil,
      evidence: plans.map { plan in
        let ratio = plan.secondsPerStep / (best?.secondsPerStep ?? plan.secondsPerStep)
        return "\(plan.config.training.microbatch): \(Brief.fixed(ratio, 2))×"
      }.joined(separator: ", ") + " of the best's time")
  }
}
