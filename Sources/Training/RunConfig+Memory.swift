import FoundationEssentials
import Models
import Telemetry

extension RunConfig {
  /// Throws when the run cannot fit into this machine: before its memory is taken, and once more when the
  /// model, which knows what a microbatch keeps, stands.
  func checkMemory(_ built: Decoder? = nil) throws(TrainingFailure) {
    // f32 weights and gradients, AdamW's two moments or SGD's velocity; a master and a rounded copy.
    let arenas = (optimizer.kind == .adamw ? 16.0 : 12.0) + (training.precision == .f32 ? 0 : 6)
    let state = model.parameterCount * arenas
    let tokens = training.microbatch * sequenceLength
    let activations = Double(built?.savedBytes(tokens: tokens) ?? 0)
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard state + activations > available else { return }
    func brief(_ bytes: Double) -> String { Bytes(Int(bytes)).description }
    throw TrainingFailure(
      "the run does not fit this machine: \(Brief.count(model.parameterCount)) parameters with gradients and "
        + "optimizer state take \(brief(state))"
        + (built == nil
          ? "" : ", a microbatch of \(training.microbatch) × \(sequenceLength) tokens \(brief(activations))")
        + ", there are \(brief(available)): choose a smaller model, a smaller training.microbatch or "
        + "training.recompute full")
  }
}
