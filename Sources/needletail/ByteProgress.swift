import Telemetry

/// A progress line of bytes that learns how many there are with the first of them.
final class ByteProgress {
  private let label: String
  private var line: ProgressLine?

  init(_ label: String) { self.label = label }

  func update(_ done: Int, of total: Int) {
    guard let line else {
      // Its clock begins here: what is done already was not done in no time.
      line = ProgressLine(label, total: total, unit: "byte", done: done)
      return
    }
    line.update(done)
  }

  func finish() { line?.finish() }
}
