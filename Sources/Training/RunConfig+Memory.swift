import Collectives
import FoundationEssentials
import Models
import Telemetry
import Tensors

extension RunConfig {
  /// Threads of `rank`: its share of the processors that its process may use.
  package func threads(of rank: Rank) -> Int {
    training.threads ?? max(1, Device.processorCount / rank.neighbours)
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
