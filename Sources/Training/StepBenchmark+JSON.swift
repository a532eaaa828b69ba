extension StepBenchmark {
  /// All of it as one JSON object on one line; what is not known or not a number is null.
  package var json: String {
    var fields = [
      ("tokens_per_second", number(tokensPerSecond)),
      ("model_gflops_per_second", number(flopsPerSecond / 1e9)),
      ("fma_peak_gflops_per_second", number(peak / 1e9)), ("peak_memory_bytes", "\(peakMemory)"),
      ("allocations_per_step", number(allocationsPerStep)),
      ("pool_misses_per_step", number(poolMissesPerStep)),
      ("predicted_saved_bytes", "\(savedBytes.predicted)"),
      ("measured_saved_bytes", "\(savedBytes.measured)"),
      ("parameters", "\(parameters)"), ("threads", "\(threads)"),
      ("instruction_set", "\"\(instructionSet)\""),
      ("step_seconds", "[\(seconds.map(number).joined(separator: ", "))]"), ("loss", number(lastLoss)),
      ("flop_convention", "\"\(Self.convention)\""),
    ]
    if let profile {
      fields.append(("read_bandwidth_bytes_per_second", number(profile.bandwidth)))
      fields.append(("profile", "[\(profile.lines.map(object).joined(separator: ", "))]"))
    }
    return object(fields)
  }

  /// A line of the profile, for one step.
  private func object(_ line: StepProfile.Line) -> String {
    object([
      ("operation", "\"\(line.name)\""), ("calls", number(line.calls)), ("seconds", number(line.seconds)),
      ("flops", number(line.flops)), ("bytes", number(line.bytes)),
    ])
  }

  private func object(_ fields: [(name: String, value: String)]) -> String {
    "{\(fields.map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", "))}"
  }

  private func number(_ value: Double?) -> String {
    guard let value, value.isFinite else { return "null" }
    return "\(value)"
  }
}
