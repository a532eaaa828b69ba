import Layers
import Schedules
import Telemetry
import Topology
import Training

/// The fastest way to run a recipe on so many devices: mesh, microbatch, schedule, recomputing and sharding.
///
/// Every candidate whose memory fits gets a bound from its slowest stage; those that could still win are simulated,
/// the most promising first.
package struct MeshSearch {
  /// Another way, and what it would cost.
  package struct Alternative {
    /// What differs first: "mesh.tensor = 4".
    package let difference: String
    /// nil: nothing of the kind fits.
    package let plan: StepPlan?
    /// Where its time goes that the choice's does not.
    package let reason: String
  }

  package let best: StepPlan
  /// The fastest after the best.
  package let runnersUp: [StepPlan]
  /// For each setting of the best, the fastest way without it.
  package let alternatives: [Alternative]
  package let takeaways: [Takeaway]
  /// What the recipe says of places that the best contradicts.
  private let changes: [String]
  package let considered: Int
  package let fitting: Int
  package let simulated: Int

  /// What fits, with a lower bound of its time.
  struct Entry {
    let config: RunConfig
    let bound: Double
  }

  /// - Parameter progress: told how many of how many ways have been looked at.
  package init(
    _ recipe: RunConfig, devices: Int, _ planner: Planner, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let recipe = Planner.prepared(recipe)
    // What is wrong with the recipe itself, before meshes are.
    var own = recipe
    own.training.microbatch = 1
    own.batchRamp.samples = 0
    try own.validate()
    try planner.check(devices)
    try planner.checkBuckets(recipe, parts: devices)
    let candidates = recipe.candidates(devices: devices)
    guard !candidates.isEmpty else {
      throw PlanningFailure(
        "no mesh divides \(devices) devices: training.global_batch \(recipe.training.globalBatch) has to be a "
          + "multiple of the data-parallel ranks, model.heads \(recipe.model.heads) of the tensor ranks; a batch "
          + "of \(devices) or another number of devices would work")
    }
    var entries: [Entry] = []
    for (index, config) in candidates.enumerated() {
      progress(index, candidates.count)
      guard try planner.fits(config, devices: devices) else { continue }
      entries.append(Entry(config: config, bound: try planner.bound(config, devices: devices)))
    }
    entries.sort { $0.bound < $1.bound }
    let race = Race(entries, devices, planner)
    let fastest = try race.fastest(5)
    guard let first = fastest.first else {
      let leanest = Bytes(Int(min(planner.leanest(candidates, devices: devices), 0x1p62)))
      throw PlanningFailure(
        "no mesh of \(devices) devices fits: the leanest takes more than \(leanest) of a device's "
          + "\(Bytes(Int(planner.cluster.usableBytes))): use more devices, or a smaller model")
    }
    best = first
    runnersUp = Array(fastest.dropFirst())
    alternatives = try Self.alternatives(to: first, candidates, race)
    takeaways = try Takeaway.all(first, race, planner.cluster)
    changes = recipe.changesOfPlaces(to: first.config)
    considered = candidates.count
    fitting = entries.count
    simulated = race.simulated
  }

  /// The best's settings and the batch that it was found for, as `--set` takes them.
  package var flags: [String] {
    Choice.allCases.map { "\($0.path)=\($0.value(of: best.config))" } + changes
      + ["training.global_batch=\(best.config.training.globalBatch)"]
  }

  private static func alternatives(
    to best: StepPlan, _ candidates: [RunConfig], _ race: Race
  ) throws -> [Alternative] {
    try Choice.allCases.flatMap { choice -> [Alternative] in
      let chosen = choice.value(of: best.config)
      var values: [String] = []
      for value in candidates.lazy.map({ choice.value(of: $0) })
      where value != chosen && !values.contains(value) {
        values.append(value)
      }
      values.sort { (Int($0) ?? 0) < (Int($1) ?? 0) }
      return try values.map { value in
        let plan = try race.fastest(1) { choice.value(of: $0) == value }.first
        return Alternative(
          difference: "\(choice.path) = \(value)", plan: plan,
          reason: plan.map { best.difference(to: $0) } ?? "does not fit")
      }
    }
  }
}

/// Candidates simulated in the order of their bounds, each once.
final class Race {
  private let entries: [MeshSearch.Entry]
  private let devices: Int
  private let planner: Planner
  private var seconds: [Int: Double] = [:]

  init(_ entries: [MeshSearch.Entry], _ devices: Int, _ planner: Planner) {
    (self.entries, self.devices, self.planner) = (entries, devices, planner)
  }

  var simulated: Int { seconds.count }

  /// What the candidates that fit have.
  func values(of value: (RunConfig) -> Int) -> Set<Int> { Set(entries.map { value($0.config) }) }

  /// The `count` fastest of those that `filter` lets pass. No bound of one left out is below the time of one given.
  func fastest(_ count: Int, where filter: (RunConfig) -> Bool = { _ in true }) throws -> [StepPlan] {
    var found: [(index: Int, seconds: Double)] = []
    for (index, entry) in entries.enumerated() where filter(entry.config) {
      if found.count == count, entry.bound >= found[count - 1].seconds { break }
      let time = try seconds[index] ?? planner.simulate(entry.config, devices: devices).seconds
      seconds[index] = time
      let place = found.firstIndex { time < $0.seconds } ?? found.count
      found.insert((index, time), at: place)
      if found.count > count { found.removeLast() }
    }
    return try found.map { try planner.plan(entries[$0.index].config, devices: devices) }
  }
}
