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
    throw TrainingFailure(
      "the run does not fit this machine: \(Brief.count(model.parameterCount)) parameters with gradients and "
        + "optimizer state take \(Self.brief(state))"
        + (built == nil
          ? ""
          : ", a microbatch of \(training.microbatch) × \(sequenceLength) tokens \(Self.brief(activations))")
        + ", there are \(Self.brief(available)): choose a smaller model, a smaller training.microbatch or "
        + "training.recompute full")
  }

  /// Throws when the weights alone, as text is generated with them, cannot fit into this machine.
  package func checkMemoryToRead() throws(TrainingFailure) {
    let weights = model.parameterCount * 4
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard weights > available else { return }
    throw TrainingFailure(
      "the model does not fit this machine: \(Brief.count(model.parameterCount)) parameters take "
        + "\(Self.brief(weights)), there are \(Self.brief(available)): choose a smaller model")
  }

  /// A size that a wild recipe may have made larger than an integer.
  private static func brief(_ bytes: Double) -> String { Bytes(Int(min(bytes, 0x1p62))).description }
}
