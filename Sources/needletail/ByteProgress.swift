import Telemetry

/// A progress line of bytes that learns how many there are with the first of them.
final class ByteProgress {
  private let label: String
  private var line: ProgressLine?

  init(_ label: String) { self.label = label }

  func update(_ done: Int, of total: Int) {
    let line = line ?? ProgressLine(label, total: total, unit: "byte")
    self.line = line
    line.update(done)
  }

  func finish() { line?.finish() }
}
