import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Scalars as a TensorBoard event file: `events.out.tfevents.<time>.<host>.<process>` in a directory.
///
/// Records are TensorFlow's `Event` messages (tensorflow/core/util/event.proto) framed as TFRecords. Each
/// is handed to the system at once.
package final class TensorBoardFile {
  package let path: String
  private let file: OutputFile
  private var event: [UInt8] = []
  private var record: [UInt8] = []

  /// Starts a file in `directory`, which must exist. After a resume, TensorBoard forgets what earlier
  /// files of the directory say beyond `step`.
  package convenience init(_ directory: String, resumingAfter step: Int? = nil) throws(TelemetryFailure) {
    let time = WallClock.seconds
    let name = "events.out.tfevents.\(Int(time)).\(ProcessInfo.processInfo.hostName).\(getpid())"
    try self.init(path: "\(directory)/\(name)", time: time)
    if let step { try writeRestart(at: step + 1, time: time) }
  }

  init(path: String, time: Double) throws(TelemetryFailure) {
    self.path = path
    file = try OutputFile(path, emptied: true)
    event.append(field: 1, double: time)
    event.append(field: 3, bytes: "brain.Event:2".utf8)
    try writeEvent()
  }

  /// The usual scalars of a step, under `train/`.
  package func write(_ metrics: StepMetrics) throws(TelemetryFailure) {
    let rate = metrics.seconds > 0 ? Double(metrics.tokens) / metrics.seconds : 0
    try write(
      step: metrics.step,
      [
        Scalar("train/loss", metrics.loss), Scalar("train/gradient_norm", metrics.gradientNorm),
        Scalar("train/learning_rate", metrics.learningRate), Scalar("train/tokens_per_second", rate),
      ] + metrics.extras)
  }

  /// Event {wall_time = 1, step = 2, summary = 5 {value = 1 {tag = 1, simple_value = 2}}}
  package func write(step: Int, _ scalars: [Scalar], time: Double = WallClock.seconds)
    throws(TelemetryFailure)
  {
    event.append(field: 1, double: time)
    event.append(field: 2, varint: UInt64(bitPattern: Int64(step)))
    var summary: [UInt8] = []
    for scalar in scalars {
      var value: [UInt8] = []
      value.append(field: 1, bytes: scalar.name.utf8)
      value.append(field: 2, float: Float(scalar.value))
      summary.append(field: 1, bytes: value)
    }
    event.append(field: 5, bytes: summary)
    try writeEvent()
  }

  /// Event {wall_time = 1, step = 2, session_log = 7 {status = 1: START = 1}}
  func writeRestart(at step: Int, time: Double) throws(TelemetryFailure) {
    event.append(field: 1, double: time)
    event.append(field: 2, varint: UInt64(bitPattern: Int64(step)))
    event.append(field: 7, bytes: [0x08, 0x01] as [UInt8])
    try writeEvent()
  }

  /// TFRecord: length (u64), masked CRC-32C of the length, the event, masked CRC-32C of the event.
  private func writeEvent() throws(TelemetryFailure) {
    record.removeAll(keepingCapacity: true)
    record.append(littleEndian: UInt64(event.count))
    record.append(littleEndian: CRC32C.masked(record[...]))
    record.append(contentsOf: event)
    record.append(littleEndian: CRC32C.masked(event[...]))
    event.removeAll(keepingCapacity: true)
    try file.write(record)
  }
}

/// Protocol-buffer fields (protobuf.dev/programming-guides/encoding).
extension [UInt8] {
  fileprivate mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  fileprivate mutating func append(field: UInt64, varint value: UInt64) {
    append(varint: field << 3)
    append(varint: value)
  }

  fileprivate mutating func append(field: UInt64, double value: Double) {
    append(varint: field << 3 | 1)
    append(littleEndian: value.bitPattern)
  }

  fileprivate mutating func append(field: UInt64, float value: Float) {
    append(varint: field << 3 | 5)
    append(littleEndian: value.bitPattern)
  }

  fileprivate mutating func append(field: UInt64, bytes: some Collection<UInt8>) {
    append(varint: field << 3 | 2)
    append(varint: UInt64(bytes.count))
    append(contentsOf: bytes)
  }
}
