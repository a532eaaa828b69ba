import Collectives
import FoundationEssentials
import Models
import Telemetry
import Tensors

extension RunConfig {
  /// Throws when the ranks of this machine cannot fit into it: before memory is taken, and once more when this rank's
  /// part of the model, which knows what a microbatch keeps, stands.
  func checkMemory(_ rank: Rank, _ built: Transformer? = nil) throws(TrainingFailure) {
    let mesh = rank.mesh, share = Double(rank.neighbours) / Double(mesh.rankCount)
    // f32 weights and gradients, AdamW's two moments or SGD's velocity; a master and a rounded copy.
    let moments = optimizer.kind == .adamw ? 8.0 : 4.0, low = training.precision == .f32 ? 0.0 : 6
    let copies = Double(mesh.data)
    let states = self.mesh.shardOptimizer ? 1 : copies
    let state = model.parameterCount * (8 * copies + (moments + low) * states) * share
    let tokens = tokensPerMicrobatch
    let activations = Double(built?.savedBytes(tokens: tokens) ?? 0) * Double(rank.neighbours)
    let available = Double(ProcessInfo.processInfo.physicalMemory)
    guard state + activations > available else { return }
    throw TrainingFailure(
      "the run does not fit this machine: \(Brief.count(model.parameterCount)) parameters with gradients and "
        + "optimizer state take \(Self.brief(state))"
        + (built == nil
          ? ""
          : ", a microbatch of \(training.microbatch) × \(tokensPerSample) tokens \(Self.brief(activations))")
        + ", there are \(Self.brief(available)): choose a smaller model, a smaller training.microbatch or "
        + "training.recompute full")
  }

  /// Threads of `rank`: its share of the processors that its process may use.
  func threads(of rank: Rank) -> Int { training.threads ?? max(1, Device.processorCount / rank.neighbours) }

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
