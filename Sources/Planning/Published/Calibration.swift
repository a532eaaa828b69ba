import Recipes
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Measured runs beside their predictions, and the efficiencies that fit them best.
///
/// What is fitted are shares of rated figures that all runs have in common, no term of a single run. How far to trust
/// them is told by runs left out: each predicted with a fit to the others.
package final class Calibration {
  /// The constants that are fitted.
  package enum Constant: String, CaseIterable, Sendable {
    case products, memory, links, network

    fileprivate var path: WritableKeyPath<Cluster.Efficiency, Double> {
      switch self {
      case .products: \.products
      case .memory: \.memory
      case .links: \.links
      case .network: \.network
      }
    }
  }

  package struct Line: Sendable {
    package let name: String
    package let measured: Double
    package let predicted: Double
    /// With constants fitted to the other runs; nil: not asked for.
    package var leftOut: Double?

    package var error: Double { predicted / measured - 1 }
    package var leftOutError: Double? { leftOut.map { $0 / measured - 1 } }
  }

  private let runs: [MeasuredRuns.Run]
  private let configs: [RunConfig]
  private let planners: [Planner]
  package private(set) var cluster: Cluster

  /// - Parameter recipe: the file and its overrides, over which each run's own stand.
  package init(_ runs: MeasuredRuns, recipe: String, overrides: [String], _ cluster: Cluster) throws {
    self.runs = runs.runs
    self.cluster = cluster
    configs = try runs.runs.map { run in
      do {
        return try Recipe(contentsOf: recipe, overrides: overrides + run.set)
          .resolve(RunConfig.self, defaults: RunConfig())
      } catch {
        throw PlanningFailure("run \(run.name): \(error)")
      }
    }
    planners = runs.runs.map { _ in Planner(cluster) }
  }

  /// TFLOP/s of every run's device, with `efficiency`.
  private func rates(_ efficiency: Cluster.Efficiency, of indices: [Int]) throws -> [Double] {
    try indices.map { index in
      planners[index].cluster.efficiency = efficiency
      return try planners[index].rate(configs[index], devices: runs[index].devices) / 1e12
    }
  }

  package func lines() throws -> [Line] {
    let rates = try rates(cluster.efficiency, of: Array(runs.indices))
    return runs.indices.map {
      Line(name: runs[$0].name, measured: runs[$0].tflops, predicted: rates[$0], leftOut: nil)
    }
  }

  /// Fits `constants` to all runs, and to all but each.
  package func fit(_ constants: [Constant]) throws -> [Line] {
    let all = Array(runs.indices), start = cluster.efficiency
    cluster.efficiency = try fitted(constants, to: all, from: start)
    var lines = try lines()
    for index in all {
      // From the same start: the fit to all knows the run that is left out.
      let others = try fitted(constants, to: all.filter { $0 != index }, from: start)
      lines[index].leftOut = try rates(others, of: [index])[0]
    }
    return lines
  }

  /// Gauss-Newton on the logarithms of rates and constants, with a little damping.
  private func fitted(
    _ constants: [Constant], to indices: [Int], from start: Cluster.Efficiency
  ) throws -> Cluster.Efficiency {
    var best = start
    func residuals(_ efficiency: Cluster.Efficiency) throws -> [Double] {
      try zip(rates(efficiency, of: indices), indices).map { log($0 / runs[$1].tflops) }
    }
    var rest = try residuals(best)
    for _ in 0..<6 {
      let step = 0.02
      let slopes = try constants.map { constant in
        var moved = best
        moved[keyPath: constant.path] *= exp(step)
        return try zip(residuals(moved), rest).map { ($0 - $1) / step }
      }
      let move = Self.solve(slopes, rest)
      var next = best
      for (constant, change) in zip(constants, move) {
        let value = next[keyPath: constant.path] * exp(min(max(change, -0.3), 0.3))
        next[keyPath: constant.path] = min(max(value, 0.05), 1)
      }
      let left = try residuals(next)
      let gain = 1 - Self.square(left) / Self.square(rest)
      guard gain > 0 else { break }
      (best, rest) = (next, left)
      if gain < 1e-4 { break }
    }
    return best
  }

  private static func square(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }

  /// The x that makes Σ (rest + slopesᵀ·x)² + damping·x² least.
  private static func solve(_ slopes: [[Double]], _ rest: [Double]) -> [Double] {
    let damping = 1e-3
    var matrix = slopes.map { a in slopes.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } } }
    for i in slopes.indices { matrix[i][i] += damping }
    let vector = slopes.map { a in -zip(a, rest).reduce(0) { $0 + $1.0 * $1.1 } }
    return LinearSystem.solve(matrix, vector) ?? slopes.map { _ in 0 }
  }
}
