import Models
import Telemetry
import Tensors

/// What a profile of training steps says of them, beside what this machine can do at most.
package struct StepProfile {
  /// One kind of operation; its figures are of one step.
  package struct Line {
    /// What it does and for which part of the model.
    package let name: String
    package let product: Profile.Product?
    package let calls: Double
    package let seconds: Double
    package let flops: Double
    package let bytes: Double
  }

  /// Those that took longest first.
  package let lines: [Line]
  /// Steps that were measured.
  package let steps: Int
  /// Of a step, the clock's.
  package let stepSeconds: Double
  /// Multiply-add rate of all threads on registers, FLOP/s.
  package let peak: Double
  /// Rate at which all threads read memory, bytes/s.
  package let bandwidth: Double

  /// What the figures count.
  package static let convention =
    """
    FLOPs are those of matrix products and of attention under its mask, a multiply-add as two; bytes are the
    least that must move: operands read once, results written once. "of floor" is the time at the ceilings,
    max(FLOPs / peak, bytes / bandwidth), over the time taken; what stays in a cache can beat the memory's
    ceiling, and so can what writes as much as it reads, since writes go beside the reads.
    """

  /// Measures this machine's ceilings beside `profile`; nil when it saw no step.
  ///
  /// - Parameter peak: a multiply-add rate measured before; the machine's is the best of all.
  package init?(_ profile: Profile, of model: Transformer, peak: Double) {
    guard profile.steps > 0 else { return nil }
    let steps = Double(profile.steps)
    lines = profile.rows.map { row in
      Line(
        name: Self.name(row.operation, in: model.config), product: row.operation.product,
        calls: Double(row.calls) / steps, seconds: row.duration.seconds / steps,
        flops: Double(row.flops) / steps, bytes: Double(row.bytes) / steps)
    }.sorted { $0.seconds > $1.seconds }
    self.steps = profile.steps
    stepSeconds = profile.duration.seconds / steps
    self.peak = max(peak, model.device.measurePeak(seconds: 0.2))
    bandwidth = model.device.measureBandwidth()
  }

  /// `mlp.up forward`, `mlp.up dx`, `mlp.up dW`: a product is known by its weight's sizes.
  private static func name(_ operation: Profile.Operation, in config: Transformer.Config) -> String {
    guard let product = operation.product else { return operation.name }
    let (out, input, what) =
      switch product.transposition {
      case .second: (product.n, product.k, "forward")
      case .none: (product.k, product.n, "dx")
      case .first: (product.m, product.n, "dW")
      }
    let weights = config.weights.filter { $0.out == out && $0.in == input }.map(\.name)
    return "\(weights.isEmpty ? operation.name : weights.joined(separator: " or ")) \(what)"
  }

  /// Seconds of a step in no operation: reading, the host's own work, waking the threads.
  package var outside: Double { stepSeconds - lines.reduce(0) { $0 + $1.seconds } }

  /// The time that a line would take at the ceilings.
  package func floor(_ line: Line) -> Double { max(line.flops / peak, line.bytes / bandwidth) }
}

extension StepProfile: CustomStringConvertible {
  /// The table and what it counts, 110 columns wide at most.
  package var description: String {
    var table = Table([
      "operation", "m × n × k", "calls", "ms/step", "share", "GF/s", "of peak", "GB/s", "of read", "of floor",
    ])
    for line in lines { table.append(row: row(line)) }
    table.append("outside kernels", "", "", milliseconds(outside), Brief.percent(outside / stepSeconds))
    let sum = { (part: (Line) -> Double) in lines.reduce(0) { $0 + part($1) } }
    table.append(
      row: ["whole step", "", Brief.fixed(sum(\.calls), 0), milliseconds(stepSeconds), "100.0%"]
        + rates(stepSeconds, flops: sum(\.flops), bytes: sum(\.bytes), floor: sum(floor)))
    return """
      \(table)

      mean of \(steps) steps; ceilings of these threads: \(Brief.fixed(peak / 1e9, 1)) GF/s (multiply-adds on \
      registers), \(Brief.fixed(bandwidth / 1e9, 1)) GB/s (memory read)
      \(Self.convention)
      """
  }

  private func row(_ line: Line) -> [String] {
    let sizes = line.product.map { "\($0.m)×\($0.n)×\($0.k)" } ?? ""
    let isWhole = line.calls == line.calls.rounded()
    return [
      line.name, sizes, Brief.fixed(line.calls, isWhole ? 0 : 1), milliseconds(line.seconds),
      Brief.percent(line.seconds / stepSeconds),
    ] + rates(line.seconds, flops: line.flops, bytes: line.bytes, floor: floor(line))
  }

  private func rates(_ seconds: Double, flops: Double, bytes: Double, floor: Double) -> [String] {
    let (operations, moved) = (flops / seconds, bytes / seconds)
    return [
      flops > 0 ? Brief.fixed(operations / 1e9, 1) : "", flops > 0 ? Brief.percent(operations / peak) : "",
      Brief.fixed(moved / 1e9, 1), Brief.percent(moved / bandwidth), Brief.percent(floor / seconds),
    ]
  }

  private func milliseconds(_ seconds: Double) -> String { Brief.fixed(seconds * 1e3, 2) }
}

extension Transformer.Config {
  /// The matrices that multiply activations, by the names of their layers; gated maps are one product.
  fileprivate var weights: [(name: String, out: Int, in: Int)] {
    let heads = heads * headSize, keyValues = keyValueHeadCount * headSize
    let transform = kind == .encoder ? [("transform", width, width)] : []
    return transform + [
      ("attention.qkv", heads + 2 * keyValues, width), ("attention.output", width, heads),
      ("mlp.up", activation.isGated ? 2 * innerWidth : innerWidth, width), ("mlp.down", width, innerWidth),
      ("output", vocabulary, width),
    ]
  }
}
