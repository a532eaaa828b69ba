import ArgumentParser
import Models
import Topology

/// The ranks on which a command uses a model.
struct MeshOptions: ParsableArguments {
  @Option(help: "Ranks, as threads of this process. Under mpirun or srun: what those started.")
  var ranks: Int?

  @Option(
    help: ArgumentHelp(
      "What ranks talk over: local (threads of this process), mpi (processes), or automatic.",
      valueName: "carrier"))
  var carrier = RankLaunch.Carrier.automatic

  @Option(help: "Ranks that divide every matrix product.")
  var tensor = 1

  @Option(help: "Ranks that divide the layers. Ranks left over hold the same model and divide the work.")
  var pipeline = 1

  /// How long a rank waits for others before it names them and ends the job.
  static let limit = Duration.seconds(600)

  /// The ranks; those that the model needs, where nobody says how many.
  func launch() throws -> RankLaunch {
    for (name, size) in [("tensor", tensor), ("pipeline", pipeline)] where !(1...4096).contains(size) {
      throw ValidationError("--\(name) must lie in 1 ... 4096, got \(size)")
    }
    let launch = try RankLaunch(carrier, ranks: ranks, limit: Self.limit)
    if case .single = launch, ranks == nil, tensor * pipeline > 1 {
      return try RankLaunch(.local, ranks: tensor * pipeline, limit: Self.limit)
    }
    return launch
  }

  /// The mesh of `ranks` ranks. Throws where they, or a model of shape `config`, cannot be divided so.
  func mesh(ranks: Int, for config: Transformer.Config) throws -> Mesh {
    let model = tensor * pipeline
    guard ranks % model == 0 else {
      throw ValidationError(
        "--tensor \(tensor) × --pipeline \(pipeline) = \(model) does not divide the \(ranks) ranks: start a multiple "
          + "of \(model), such as --ranks \(max(1, ranks / model) * model)")
    }
    if let problem = config.tensorProblems(tensor, named: "--tensor").first { throw ValidationError(problem) }
    guard config.layers >= pipeline else {
      throw ValidationError(
        "model.layers \(config.layers) cannot fill --pipeline \(pipeline) stages: at most \(config.layers) would work"
      )
    }
    return Mesh(tensor: tensor, pipeline: pipeline, data: ranks / model)
  }
}
