import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A record of what ran when, for chrome://tracing and ui.perfetto.dev: one row a rank and thread.
///
/// ```swift
/// timeline.measure("forward", "compute", index: microbatch) { … }
/// ```
/// `Timeline.off` costs a comparison. A recording one holds at most `capacity` spans (about 64 bytes
/// each), counts those beyond, and writes its file in `finish()`. Safe to share between threads.
package struct Timeline: Sendable {
  private let recorder: Recorder?

  /// Records nothing.
  package static let off = Timeline(recorder: nil)

  private init(recorder: Recorder?) { self.recorder = recorder }

  /// Records, to be written to `path`.
  package init(_ path: String, capacity: Int = 1 << 18) {
    recorder = Recorder(path: path, capacity: capacity)
  }

  package var isOn: Bool { recorder != nil }

  /// Runs `body` and records how long it took.
  package func measure<Result, Failure: Error>(
    _ name: StaticString, _ category: StaticString, rank: Int = 0, thread: Int = 0, index: Int? = nil,
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let recorder else { return try body() }
    let start = ContinuousClock.now
    defer {
      recorder.append(
        name, category, start: start, duration: .now - start, rank: rank, thread: thread, index: index)
    }
    return try body()
  }

  /// Records a span that was timed elsewhere.
  package func record(
    _ name: StaticString, _ category: StaticString, start: ContinuousClock.Instant, duration: Duration,
    rank: Int = 0, thread: Int = 0, index: Int? = nil
  ) {
    recorder?.append(
      name, category, start: start, duration: duration, rank: rank, thread: thread, index: index)
  }

  /// Writes what was recorded so far beside the file and renames it into place.
  package func finish() throws(TelemetryFailure) {
    guard let recorder else { return }
    try OutputFile.replace(recorder.path, with: recorder.json())
  }
}

private final class Recorder: Sendable {
  struct Span {
    let name: StaticString
    let category: StaticString
    let start: Int
    let duration: Int
    let rank: Int32
    let thread: Int32
    let index: Int?
  }
  struct State {
    var spans: [Span] = []
    var dropped = 0
  }

  let path: String
  private let capacity: Int
  private let origin = ContinuousClock.now
  private let state = Mutex(State())

  init(path: String, capacity: Int) {
    self.path = path
    self.capacity = capacity
  }

  func append(
    _ name: StaticString, _ category: StaticString, start: ContinuousClock.Instant, duration: Duration,
    rank: Int, thread: Int, index: Int?
  ) {
    let span = Span(
      name: name, category: category, start: Self.nanoseconds(start - origin),
      duration: Self.nanoseconds(duration), rank: Int32(truncatingIfNeeded: rank),
      thread: Int32(truncatingIfNeeded: thread), index: index)
    state.withLock { state in
      if state.spans.count < capacity { state.spans.append(span) } else { state.dropped += 1 }
    }
  }

  private static func nanoseconds(_ duration: Duration) -> Int {
    Int(duration.components.seconds) * 1_000_000_000 + Int(duration.components.attoseconds / 1_000_000_000)
  }

  /// The Trace Event Format's complete events ("ph":"X"), times in microseconds.
  func json() -> [UInt8] {
    let state = state.withLock { $0 }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(state.spans.count * 100 + 200)
    bytes.append(ascii: "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"dropped\":")
    bytes.append(decimal: state.dropped)
    bytes.append(ascii: "},\"traceEvents\":[")
    for (number, rank) in Set(state.spans.map(\.rank)).sorted().enumerated() {
      bytes.append(ascii: number == 0 ? "\n" : ",\n")
      bytes.append(ascii: "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":")
      bytes.append(decimal: Int(rank))
      bytes.append(ascii: ",\"args\":{\"name\":\"rank ")
      bytes.append(decimal: Int(rank))
      bytes.append(ascii: "\"}}")
    }
    for span in state.spans { Self.append(span, to: &bytes) }
    bytes.append(ascii: "\n]}\n")
    return bytes
  }

  private static func append(_ span: Span, to bytes: inout [UInt8]) {
    bytes.append(ascii: ",\n{\"name\":")
    bytes.append(jsonString: span.name.description)
    bytes.append(ascii: ",\"cat\":")
    bytes.append(jsonString: span.category.description)
    bytes.append(ascii: ",\"ph\":\"X\",\"ts\":")
    bytes.append(microseconds: span.start)
    bytes.append(ascii: ",\"dur\":")
    bytes.append(microseconds: span.duration)
    bytes.append(ascii: ",\"pid\":")
    bytes.append(decimal: Int(span.rank))
    bytes.append(ascii: ",\"tid\":")
    bytes.append(decimal: Int(span.thread))
    if let index = span.index {
      bytes.append(ascii: ",\"args\":{\"index\":")
      bytes.append(decimal: index)
      bytes.append(ascii: "}")
    }
    bytes.append(ascii: "}")
  }
}

extension [UInt8] {
  /// Nanoseconds as microseconds with three decimals.
  fileprivate mutating func append(microseconds nanoseconds: Int) {
    if nanoseconds < 0 { append(UInt8(ascii: "-")) }
    append(decimal: Int(nanoseconds.magnitude / 1000))
    let rest = UInt8(ascii: "0")
    let fraction = Int(nanoseconds.magnitude % 1000)
    append(UInt8(ascii: "."))
    for digit in [fraction / 100, fraction / 10 % 10, fraction % 10] { append(rest + UInt8(digit)) }
  }
}
