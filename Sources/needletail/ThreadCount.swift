import ArgumentParser
import Tensors

/// The `--threads` option of several commands.
enum ThreadCount {
  static func check(_ threads: Int?) throws {
    let range = Device.threadCounts
    guard let threads, !range.contains(threads) else { return }
    throw ValidationError(
      "--threads must lie in \(range.lowerBound) ... \(range.upperBound), got \(threads)")
  }
}
