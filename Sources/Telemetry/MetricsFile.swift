/// Metrics as JSON Lines: one object a step, numbers with all their digits, NaN and infinities as null.
///
/// `{"step":1,"loss":10.82,"gradient_norm":1.5,"learning_rate":0.0003,"tokens":4096,"seconds":0.21}`
package final class MetricsFile {
  private let file: OutputFile
  /// Reused from step to step.
  private var line: [UInt8] = []

  /// Opens `path`: emptied for a new run, or continued after `step`.
  ///
  /// Continuing drops the lines of later steps and a line that a killed run left unfinished, so that each
  /// step stands once. Throws when the file cannot be written or holds something other than metrics.
  package init(_ path: String, resumingAfter step: Int? = nil) throws(TelemetryFailure) {
    file = try OutputFile(path, emptied: step == nil)
    if let step { try file.truncate(to: try Self.end(of: step, in: file)) }
  }

  /// Appends one line, handed to the system at once.
  package func write(_ metrics: StepMetrics) throws(TelemetryFailure) {
    line.removeAll(keepingCapacity: true)
    line.append(ascii: "{\"step\":")
    line.append(decimal: metrics.step)
    append("loss", metrics.loss)
    append("gradient_norm", metrics.gradientNorm)
    append("learning_rate", metrics.learningRate)
    line.append(ascii: ",\"tokens\":")
    line.append(decimal: metrics.tokens)
    append("seconds", metrics.seconds)
    for extra in metrics.extras { append(extra.name, extra.value) }
    line.append(ascii: "}\n")
    try file.write(line)
  }

  private func append(_ name: String, _ value: Double) {
    line.append(UInt8(ascii: ","))
    line.append(jsonString: name)
    line.append(UInt8(ascii: ":"))
    line.append(jsonNumber: value)
  }

  /// The offset after the last whole line whose step is not after `step`.
  private static func end(of step: Int, in file: OutputFile) throws(TelemetryFailure) -> Int {
    var lineStart = 0
    var lineNumber = 1
    var head: [UInt8] = []
    var offset = 0
    while true {
      let chunk = try file.read(1 << 16, from: offset)
      if chunk.isEmpty { return lineStart }
      for byte in chunk {
        offset += 1
        guard byte == UInt8(ascii: "\n") else {
          if head.count < 32 { head.append(byte) }
          continue
        }
        guard let found = Self.step(head) else {
          throw TelemetryFailure(
            file.path,
            "expected line \(lineNumber) to begin {\"step\":…; it holds no metrics of a run, name another file"
          )
        }
        if found > step { return lineStart }
        lineStart = offset
        lineNumber += 1
        head.removeAll(keepingCapacity: true)
      }
    }
  }

  private static func step(_ head: [UInt8]) -> Int? {
    let key = Array("{\"step\":".utf8)
    guard head.starts(with: key) else { return nil }
    let digits = head.dropFirst(key.count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
