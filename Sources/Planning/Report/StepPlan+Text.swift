import Schedules
import Telemetry
import Training

extension StepPlan {
  /// The plan for people: time, utilisation, where the time goes, memory by stage, and what the figures count.
  package func text(tokens: Double) -> String {
    [
      title, summary(tokens: tokens).description, memoryTable.description, memoryVerdict,
      cluster.constants + "\n" + Self.conventions,
    ].joined(separator: "\n\n")
  }

  package var title: String {
    "\(Brief.count(config.model.parameterCount)) parameters on \(cluster.name): \(settings)"
  }

  /// "TP8 PP12 DP16, microbatch 1, interleaved × 4, recompute full".
  package var settings: String {
    var parts = ["\(mesh)", "microbatch \(config.training.microbatch)"]
    if mesh.pipeline > 1 {
      let chunks = config.mesh.interleave > 1 ? " × \(config.mesh.interleave)" : ""
      parts.append(config.mesh.scheduleKind.rawValue + chunks)
    }
    parts.append("recompute \(config.training.recompute.rawValue)")
    if config.mesh.sequenceParallel { parts.append("sequence parallel") }
    if mesh.data > 1 { parts.append(config.mesh.shardOptimizer ? "ZeRO-1" : "no ZeRO") }
    return parts.joined(separator: ", ")
  }

  private func summary(tokens: Double) -> Table {
    let schedule = config.schedule(mesh)
    var table = Table(rows: [
      [
        "step",
        "\(Brief.count(secondsPerStep)) s for \(Brief.count(tokensPerStep)) tokens in \(microbatches) "
          + "microbatch\(microbatches == 1 ? "" : "es")",
      ],
      ["speed", "\(Brief.count(tokensPerSecond)) tokens/s"],
      [
        "hardware FLOPs",
        "\(Self.rate(hardwareRate)) a device, "
          + "\(Brief.percent(hardwareRate / peak)) of \(Self.rate(peak))",
      ],
      [
        "model FLOPs",
        "\(Self.rate(modelRate)) a device, \(Brief.percent(modelRate / peak))",
      ],
      [
        "bubble",
        "\(Brief.percent(bubble)) of the working time"
          + (mesh.pipeline > 1
            ? "; \(schedule.bubbleFormulaText()) = \(Brief.percent(schedule.bubbleFormula()))" : ""),
      ],
      [
        "where time goes",
        shares.map { "\($0.name) \(Brief.percent($0.seconds / secondsPerStep))" }.joined(separator: ", "),
      ],
      ["sums and update", "\(Brief.count(updateSeconds)) s of the step, behind the last pass"],
    ])
    let seconds = seconds(tokens: tokens)
    table.append(
      "training",
      "\(Brief.count(tokens)) tokens: \(Self.time(seconds)) on "
        + "\(Brief.count(devices)) device\(devices == 1 ? "" : "s")\(price(seconds: seconds))")
    return table
  }

  private static func rate(_ flops: Double) -> String {
    flops >= 1e12 ? "\(Brief.fixed(flops / 1e12, 1)) TFLOP/s" : "\(Brief.fixed(flops / 1e9, 1)) GFLOP/s"
  }

  private static func time(_ seconds: Double) -> String {
    seconds >= 86400 ? "\(Brief.fixed(seconds / 86400, 1)) days" : Brief.duration(.seconds(seconds))
  }

  private func price(seconds: Double) -> String {
    guard let cost = cost(seconds: seconds) else { return "" }
    return ", \(Brief.count(cost)) at \(Brief.fixed(cluster.device.price, 2)) a device and hour"
  }

  /// Of so much time; nil where the cluster has no price.
  package func cost(seconds: Double) -> Double? {
    cluster.device.price > 0 ? cluster.device.price * Double(devices) * seconds / 3600 : nil
  }

  /// The first stage, the last, and the fullest.
  private var memoryTable: Table {
    var table = Table([
      "stage", "weights", "gradients", "optimizer", "activations", "a microbatch", "temporary", "inputs",
      "fragmentation", "total",
    ])
    for stage in Set([0, fullestStage, memory.count - 1]).sorted() {
      let kinds = memory[stage]
      table.append(
        row: ["\(stage)"]
          + [
            kinds.weights, kinds.gradients, kinds.optimizer, kinds.activations,
            kinds.activationsPerMicrobatch,
            kinds.temporary, kinds.inputs, kinds.fragmentation, kinds.total,
          ].map { Bytes(Int($0)).description })
    }
    return table
  }

  private var memoryVerdict: String {
    let of = "\(Bytes(Int(memoryBytes))) of \(Bytes(Int(cluster.usableBytes))) on the fullest device"
    return fits ? "it fits: \(of)" : "IT DOES NOT FIT: \(of); --search finds what does"
  }

  static let conventions = "\(WorkCount.hardwareConvention)\n\(WorkCount.modelConvention)"
}

extension Cluster {
  /// What predictions on it rest on.
  package var constants: String {
    guard operations.isEmpty else { return "constants: \(operations.count) operations as measured" }
    let shares = [
      ("products", efficiency.products), ("attention", efficiency.attention), ("memory", efficiency.memory),
      ("links", efficiency.links), ("network", efficiency.network),
    ].map { "\($0.0) \(Brief.fixed($0.1, 3))" }
    return "constants: shares of rated figures that are reached: " + shares.joined(separator: ", ")
      + "; \(Brief.fixed(efficiency.launch, 1)) µs an operation"
  }
}

extension MeshSearch {
  /// The choice, and what it was chosen over.
  package func text(tokens: Double) -> String {
    [
      "the fastest of \(considered) ways, of which \(fitting) fit (\(simulated) simulated):",
      best.text(tokens: tokens), runnersUpTable.description, alternativesText, takeawaysText,
      "to train so, beside settings of your own: " + flags.map { "--set \($0)" }.joined(separator: " "),
    ].joined(separator: "\n\n")
  }

  private var runnersUpTable: Table {
    var table = Table(["next best", "s a step", "of the best"])
    for plan in runnersUp {
      table.append(row: [plan.settings, Brief.count(plan.secondsPerStep), ratio(plan)])
    }
    return table
  }

  /// Beyond this, in times of the best, an alternative is only counted.
  private static let largestRatio = 2.0

  private var alternativesText: String {
    var table = Table(["instead", "s a step", "of the best", "why", "at best with"])
    var slow = 0
    for alternative in alternatives {
      guard let plan = alternative.plan else {
        table.append(alternative.difference, "-", "-", alternative.reason)
        continue
      }
      guard plan.secondsPerStep <= Self.largestRatio * best.secondsPerStep else {
        slow += 1
        continue
      }
      table.append(
        row: [
          alternative.difference, Brief.count(plan.secondsPerStep), ratio(plan), alternative.reason,
          plan.settings,
        ])
    }
    return table.description + (slow > 0 ? "\n\(slow) others take more than twice the best's time" : "")
  }

  private var takeawaysText: String {
    takeaways.map { takeaway in
      let verdict = takeaway.holds.map { $0 ? "holds" : "DOES NOT HOLD" } ?? "-"
      return "PTD-P's takeaway \(takeaway.advice)\n  \(verdict): \(takeaway.evidence)"
    }.joined(separator: "\n")
  }

  private func ratio(_ plan: StepPlan) -> String {
    "\(Brief.fixed(plan.secondsPerStep / best.secondsPerStep, 3))×"
  }
}
