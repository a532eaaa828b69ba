import ArgumentParser
import FoundationEssentials
import Planning
import Recipes
import Telemetry
import Training

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Predict time, memory and cost of a run on a cluster, and find its best mesh.",
    discussion: """
      needletail plan Recipes/nemotron4-15b.yaml --cluster Clusters/dgx-h100.yaml --gpus 3072 --search
      needletail plan Recipes/gpt-ptdp.yaml --cluster Clusters/dgx-a100.yaml --gpus 32 --draw step

      A plan runs the very code of training on a device that computes nothing, times what it was asked for on the
      cluster that a file describes (copy one of Clusters/ for your own), and simulates the schedule's own lists of
      actions. --search tries every mesh, microbatch, schedule, recomputing and sharding that divides the batch.

      The predictions can be checked:
        needletail plan Recipes/gpt-ptdp.yaml --cluster Clusters/dgx-a100.yaml --against Clusters/ptd-p-table-1.yaml
            beside published runs; with --fit products,memory those shares are fitted anew, and every run is also
            predicted from the others
        needletail plan --measure-here here.yaml                    measures this machine into a description
        needletail plan Recipes/small.yaml --compare-here           a dozen meshes, predicted and run
      """)

  @Argument(help: "The recipe, a YAML or JSON file.", completion: .file(extensions: ["yaml", "json"]))
  var recipe: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Overrides one value of the recipe, as in --set mesh.tensor=8. May be repeated.",
      valueName: "path=value"))
  var overrides: [String] = []

  @Option(
    help: ArgumentHelp("The cluster's description.", valueName: "file"),
    completion: .file(extensions: ["yaml", "json"]))
  var cluster: String?

  @Option(
    name: .customLong("set-cluster"),
    help: ArgumentHelp(
      "Overrides one value of the cluster, as in --set-cluster network.bandwidth=50.", valueName: "path=value"
    ))
  var clusterOverrides: [String] = []

  @Option(help: "Devices; by default mesh.tensor × mesh.pipeline × mesh.data.")
  var gpus: Int?

  @Option(help: "Sequences of a step, training.global_batch.")
  var batch: Int?

  @Option(help: "Tokens to train on, for days and cost; by default training.steps of them.")
  var tokens: Double?

  @Flag(help: "Find the fastest mesh, microbatch, schedule, recomputing and sharding that fit.")
  var search = false

  @Flag(help: "Print one JSON object instead of tables.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Write PREFIX-step.svg, a step over time, and PREFIX-devices.svg, throughput against devices.",
      valueName: "prefix"))
  var draw: String?

  @Option(
    help: ArgumentHelp("Hold predictions against the measured runs of this file.", valueName: "file"),
    completion: .file(extensions: ["yaml", "json"]))
  var against: String?

  @Option(
    help: ArgumentHelp(
      "With --against: fit these shares, of products, memory, links and network, to the runs.",
      valueName: "shares"))
  var fit: String?

  @Option(
    help: ArgumentHelp("Measure this machine and write its description to this file.", valueName: "file"))
  var measureHere: String?

  @Flag(help: "Run a dozen meshes of the recipe on this machine beside their predictions.")
  var compareHere = false

  @Option(help: "With --compare-here: how often machine and meshes are measured in turns.")
  var rounds = 5

  func validate() throws {
    if let gpus, !(1...1_000_000).contains(gpus) {
      throw ValidationError("--gpus must lie in 1 ... 1000000, got \(gpus)")
    }
    if let tokens, !(tokens > 0 && tokens < 1e18) {
      throw ValidationError("--tokens must be above 0, got \(tokens)")
    }
    guard (1...100).contains(rounds) else {
      throw ValidationError("--rounds must lie in 1 ... 100, got \(rounds)")
    }
    if draw == "" { throw ValidationError("--draw needs a prefix, such as --draw plan") }
    if against != nil, search || draw != nil || gpus != nil || tokens != nil || batch != nil {
      throw ValidationError(
        "--against takes devices and settings from its file: leave out --search, --draw, --gpus, --batch and --tokens"
      )
    }
    if fit != nil, against == nil { throw ValidationError("--fit needs --against, the runs to fit to") }
  }

  func run() throws {
    if let measureHere { return try PlanChecks.measure(into: measureHere) }
    // Asked here, behind the parser's own complaint of an option that it does not know.
    if recipe == nil {
      throw ValidationError("a plan needs a recipe, as in needletail plan Recipes/gpt2-124m.yaml --cluster …")
    }
    if !compareHere, cluster == nil {
      throw ValidationError("a plan needs --cluster, as in --cluster Clusters/dgx-a100.yaml")
    }
    if compareHere {
      return try PlanChecks.compareHere(try config(), rounds: rounds, json: json)
    }
    let described = try Cluster(contentsOf: cluster ?? "", overrides: clusterOverrides)
    if let against {
      return try PlanChecks.compare(
        against, recipe: recipe ?? "", overrides: overrides, described, fit: fit, json: json)
    }
    if let draw { try checkFolder(of: draw) }
    let planner = Planner(described), config = try config()
    let devices = try gpus ?? ownDevices(of: config)
    let plan: StepPlan
    if search {
      let line = ProgressLine("search", total: nil, unit: "mesh")
      let found = try MeshSearch(config, devices: devices, planner) { done, _ in
        if done > 0 { line.update(done) }
      }
      line.finish()
      plan = found.best
      let tokens = tokens ?? plan.recipeTokens
      print(json ? try PlanReport.json(of: found.report(tokens: tokens)) : found.text(tokens: tokens))
    } else {
      plan = try planner.plan(config, devices: devices)
      let tokens = tokens ?? plan.recipeTokens
      print(json ? try PlanReport(plan, tokens: tokens).json : plan.text(tokens: tokens))
    }
    if let draw { try self.draw(plan, planner, draw) }
  }

  private func config() throws -> RunConfig {
    let sizes = batch.map { ["training.global_batch=\($0)"] } ?? []
    return try Recipe(contentsOf: recipe ?? "", overrides: overrides + sizes)
      .resolve(RunConfig.self, defaults: RunConfig())
  }

  /// What the recipe's mesh multiplies to.
  private func ownDevices(of config: RunConfig) throws -> Int {
    let sizes = [config.mesh.tensor, config.mesh.pipeline, config.mesh.data ?? 1]
    let product = sizes.reduce(1.0) { $0 * Double($1) }
    guard (1...1_000_000).contains(product) else {
      throw ValidationError(
        "mesh.tensor \(sizes[0]) × mesh.pipeline \(sizes[1]) × mesh.data \(sizes[2]) must lie in 1 ... 1000000"
      )
    }
    return Int(product)
  }

  /// Throws before a search that nobody could draw.
  private func checkFolder(of prefix: String) throws {
    let folder = URL(filePath: prefix).deletingLastPathComponent().path
    guard
      (try? FileManager.default.attributesOfItem(atPath: folder))?[.type] as? FileAttributeType
        == .typeDirectory
    else { throw ValidationError("--draw \(prefix): no such directory; create it or check the path") }
  }

  /// Of what a page can show.
  private static let mostBoxes = 20_000

  private func draw(_ plan: StepPlan, _ planner: Planner, _ prefix: String) throws {
    var shown = plan
    if plan.microbatches * plan.mesh.pipeline * plan.config.mesh.interleave * 4 > Self.mostBoxes {
      // The same pipeline with fewer microbatches: what a step looks like, if not how long it is.
      var config = plan.config
      let count = min(
        plan.microbatches, max(2, Self.mostBoxes / (4 * plan.mesh.pipeline * config.mesh.interleave)))
      config.training.globalBatch = count * config.training.microbatch * plan.mesh.data
      config.batchRamp.samples = 0
      shown = try planner.plan(config, devices: plan.devices)
    }
    var drawing = shown.drawing
    if shown.microbatches != plan.microbatches {
      drawing.subtitle =
        "drawn with \(shown.microbatches) of the step's \(plan.microbatches) microbatches: "
        + drawing.subtitle
    }
    try drawing.write("\(prefix)-step.svg")
    try DeviceScaling.chart(plan, planner).write("\(prefix)-devices.svg")
    guard !json else { return }
    print("\n\(prefix)-step.svg: one step over time\n\(prefix)-devices.svg: throughput against devices")
  }
}
