import ArgumentParser
import Collectives
import FoundationEssentials
import Recipes
import Telemetry
import Topology
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the ranks of a run come to be: one, threads of this process (`--ranks`), or processes that `mpirun` or `srun`
/// started.
enum RankLaunch {
  case single
  case local(Int)
  case mpi(MPICluster)

  enum Carrier: String, ExpressibleByArgument, CaseIterable { case automatic, local, mpi }

  /// - Parameter ranks: what the user asked for; nil: what the launcher started, or one.
  init(_ carrier: Carrier, ranks: Int?, limit: Duration) throws {
    if let ranks, !(1...4096).contains(ranks) {
      throw ValidationError("--ranks must lie in 1 ... 4096, got \(ranks)")
    }
    let launch = carrier == .local ? nil : try MPILaunch(environment: ProcessInfo.processInfo.environment)
    if let launch, launch.ranks > 1 || carrier == .mpi {
      guard ranks == nil || ranks == launch.ranks else {
        throw ValidationError(
          "--ranks \(ranks ?? 0) under \(launch.launcher), which started \(launch.ranks): leave --ranks out, or say "
            + "--carrier local")
      }
      self = .mpi(try MPICluster(launch, limit: limit))
    } else if carrier == .mpi {
      self = .mpi(try MPICluster(.none, limit: limit))
    } else {
      self = (ranks ?? 1) == 1 ? .single : .local(ranks ?? 1)
    }
  }

  var count: Int {
    switch self {
    case .single: 1
    case .local(let ranks): ranks
    case .mpi(let cluster): cluster.rankCount
    }
  }

  /// Whether this process is to speak with the user.
  var isFirst: Bool { if case .mpi(let cluster) = self { cluster.index == 0 } else { true } }

  /// The file of a process's own records: `path`, or beside it one with the rank in its name.
  func ownPath(_ path: String) -> String {
    guard case .mpi(let cluster) = self, cluster.index > 0 else { return path }
    return "\(path).rank-\(cluster.index)"
  }

  /// Runs `body` on every rank of this process and gives back what the first of them came to. Where ranks are
  /// processes, an error of one ends them all.
  func run<T>(_ mesh: Mesh, limit: Duration, _ body: @escaping @Sendable (Rank) throws -> T) throws -> T {
    switch self {
    case .single: return try body(.single)
    case .local:
      do {
        return try LocalCluster.run(mesh, limit: limit, body)[0]
      } catch let stuck as LocalCluster.Stuck {
        Terminal.standardError.writeLine("\(stuck)")
        throw ExitCode(MPICluster.failureStatus)
      }
    case .mpi(let cluster):
      do {
        let result = try body(cluster.rank(of: mesh))
        try cluster.finish()
        return result
      } catch {
        cluster.abort(status: 1, "rank \(cluster.index): \(error)")
      }
    }
  }
}
