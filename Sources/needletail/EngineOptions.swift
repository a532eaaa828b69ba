import ArgumentParser
import Collectives
import Generation
import Models
import Tensors
import Topology

/// How a command runs a model that writes text: its weights, its memory, its ranks.
struct EngineOptions: ParsableArguments {
  @Option(help: "The tokenizer, where the model's directory holds none.", completion: .file())
  var tokenizer: String?

  @Option(
    help:
      "How weights are kept: f32, bf16, fp8 or int8; by default as the files have them, f32 where they are f32 or f16."
  )
  var weights: WeightFormat?

  @Option(help: "Worker threads of each rank; by default its share of the processors.")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Memory for keys and values on each rank, such as 512MiB or 4GiB; at least what a text as long as the context needs.",
      valueName: "size"))
  var cacheMemory = ByteCount(2 << 30)

  @Option(help: "Tokens computed in a step: what a long prompt makes others wait for.")
  var stepTokens = EngineConfig().stepTokens

  @Option(help: "Texts that are in a step together at most.")
  var maxRunning = EngineConfig().runningLimit

  @Flag(help: "Do not keep beginnings of texts to find them again.")
  var noPrefixCache = false

  @OptionGroup var mesh: MeshOptions

  func validate() throws {
    try ThreadCount.check(threads)
    guard (1...1 << 20).contains(stepTokens) else {
      throw ValidationError("--step-tokens must lie in 1 ... \(1 << 20), got \(stepTokens)")
    }
    guard (1...65536).contains(maxRunning) else {
      throw ValidationError("--max-running must lie in 1 ... 65536, got \(maxRunning)")
    }
  }

  var config: EngineConfig {
    var config = EngineConfig()
    config.stepTokens = stepTokens
    // Each gets a token in every step.
    config.runningLimit = min(maxRunning, stepTokens)
    config.keepsPrefixes = !noPrefixCache
    return config
  }
}

/// A number of bytes as people write it: 1500000, 512MiB, 4GiB.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible, Sendable {
  let bytes: Int

  init(_ bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("", 0)]
    guard let (suffix, shift) = units.first(where: { argument.hasSuffix($0.0) }),
      let number = Int(argument.dropLast(suffix.count)), number > 0, number < 1 << (62 - shift)
    else { return nil }
    bytes = number << shift
  }

  var description: String {
    for (suffix, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(suffix)"
    }
    return "\(bytes)"
  }
}

/// A model that the ranks of a launch hold, and who runs it. Launched by one thread, once.
struct EngineLaunch: @unchecked Sendable {
  let named: NamedModel
  let mesh: Mesh
  private let launch: RankLaunch
  private let options: Settings

  /// Of the options, what ranks need; sendable.
  private struct Settings: Sendable {
    let format: WeightFormat
    let threads: Int?
    let cacheBytes: Int
  }

  /// - Parameter allowsReplicas: whether ranks beyond those that one model needs may hold the same model.
  init(_ path: String, _ options: EngineOptions, allowsReplicas: Bool) throws {
    launch = try options.mesh.launch()
    named = try NamedModel(path, tokenizer: options.tokenizer)
    let config = named.trained.config
    guard config.kind == .decoder else {
      throw ValidationError(
        "\(path) is an encoder (model.kind): it fills masks and answers questions, and writes no text")
    }
    mesh = try options.mesh.mesh(ranks: launch.count, for: config)
    guard allowsReplicas || mesh.data == 1 else {
      throw ValidationError(
        "--ranks \(launch.count) is more than --tensor × --pipeline = \(mesh.tensor * mesh.pipeline): one server holds "
          + "one model; start others beside it")
    }
    self.options = Settings(
      format: try options.weights ?? named.trained.weightFormat(), threads: options.threads,
      cacheBytes: options.cacheMemory.bytes)
  }

  var format: WeightFormat { options.format }
  var isFirst: Bool { launch.isFirst }

  /// Loads the model on every rank of this process, then has `lead` lead each model's ranks. Returns when all are done.
  func run(_ lead: @escaping @Sendable (Rank, ModelRunner) throws -> Void) throws {
    let (named, mesh, options) = (named, mesh, options)
    try launch.run(mesh, limit: MeshOptions.limit) { rank in
      let config = named.trained.config
      let device = Device(threads: options.threads ?? max(1, Device.processorCount / rank.neighbours))
      let part = mesh.rankCount == 1 ? nil : TransformerPart.share(of: config, on: rank)
      let model = try named.trained.load(part, packing: options.format, on: device)
      let pages = ModelRunner.pageCount(
        config, bytes: options.cacheBytes, tensor: mesh.tensor, pipeline: mesh.pipeline, on: device)
      let runner = ModelRunner(model, rank: rank, pageCount: pages)
      guard rank.place.tensor == 0, rank.place.pipeline == 0 else { return runner.follow() }
      try lead(rank, runner)
    }
  }
}
