import FoundationEssentials
import Telemetry
import Topology
import Training

extension Planner {
  /// Throws when this machine cannot hold `here` of a run's `ranks` ranks, with what would fit instead.
  package static func checkThisMachine(_ config: RunConfig, ranks: Int, here: Int) throws {
    var cluster = Cluster()
    cluster.device.memory = Double(ProcessInfo.processInfo.physicalMemory) / 0x1p30 / Double(here)
    try Planner(cluster).checkMemory(config, devices: ranks, place: "this machine")
  }

  /// Throws when the devices of the cluster cannot hold what `recipe` puts on them, with what would fit instead.
  ///
  /// - Parameter place: what the cluster is called in the message.
  package func checkMemory(_ recipe: RunConfig, devices: Int, place: String) throws {
    let config = Self.prepared(recipe)
    try config.validate(ranks: devices)
    let mesh = config.mesh(ranks: devices), least = leastBytes(config, mesh)
    // What is far too large is not traced.
    let taken = least > cluster.usableBytes ? least : try fullest(config, mesh)
    guard taken > cluster.usableBytes else { return }
    let usable = Bytes(Int(cluster.usableBytes))
    let needs =
      "the run does not fit \(place): \(Brief.count(config.model.parameterCount)) parameters as "
      + "\(mesh), microbatch \(config.training.microbatch), take "
      + "\(Self.brief(taken)) on the fullest of \(devices) rank\(devices == 1 ? "" : "s"), there are \(usable)"
    guard let near = try nearestFit(to: config, devices: devices) else {
      throw PlanningFailure(
        "\(needs) each: no way to divide it among \(devices) fits; choose a smaller model, or more ranks")
    }
    let changes = config.changes(to: near).map { "--set \($0)" }.joined(separator: " ")
    throw PlanningFailure(
      "\(needs) each: the nearest that fits is \(changes), which takes "
        + "\(Self.brief(try fullest(near, near.mesh(ranks: devices))))")
  }

  /// The candidate that fits and changes the least; nil where none does.
  private func nearestFit(to config: RunConfig, devices: Int) throws -> RunConfig? {
    let near = config.candidates(devices: devices).map { (config: $0, distance: config.distance(to: $0)) }
      .sorted { $0.distance < $1.distance }
    return try near.first { try fits($0.config, devices: devices) }?.config
  }

  /// A size that a wild recipe may have made larger than an integer.
  private static func brief(_ bytes: Double) -> String { Bytes(Int(min(bytes, 0x1p62))).description }
}
