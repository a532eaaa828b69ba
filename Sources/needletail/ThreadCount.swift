import ArgumentParser
import Tensors

/// The `--threads` option of several commands.
enum ThreadCount {
  static func check(_ threads: Int?) throws {
    guard let threads, !Device.threadCounts.contains(threads) else { return }
    throw ValidationError(
      "--threads must lie in \(Device.threadCounts.lowerBound) ... \(Device.threadCounts.upperBound), got \(threads)"
    )
  }
}
