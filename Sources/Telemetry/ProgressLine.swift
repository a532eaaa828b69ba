/// A named figure of a progress line.
package struct ProgressField: Sendable, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ text: String) { description = text }

  package static func loss(_ value: Double) -> ProgressField { .init("loss \(Brief.fixed(value, 4))") }
  package static func gradientNorm(_ value: Double) -> ProgressField {
    .init("|g| \(Brief.fixed(value, 3))")
  }
  package static func learningRate(_ value: Double) -> ProgressField {
    .init("lr \(Brief.scientific(value))")
  }
  package static func tokensPerSecond(_ value: Double) -> ProgressField {
    .init("\(Brief.count(value)) tok/s")
  }
  /// Model FLOPs a second over the machine's peak; `convention` says whose count of FLOPs.
  package static func utilisation(_ fraction: Double, convention: String) -> ProgressField {
    .init("MFU \(Brief.percent(fraction)) (\(convention))")
  }
}

/// Progress of long work: on a terminal one line rewritten in place, elsewhere a plain line now and then.
///
/// `train 120/1000 12% 3.4 step/s ETA 4m19s loss 3.2145 |g| 0.830 lr 2.00e-04 12.3k tok/s`
package final class ProgressLine {
  private let label: String
  private let unit: String
  private let total: Int?
  private let terminal: Terminal
  private let interval: Duration
  private var pace: Pace
  private var done: Int
  private var last: ContinuousClock.Instant
  private var shown: ContinuousClock.Instant?
  private let began: ContinuousClock.Instant

  /// Follows work of `total` units (nil when nobody knows), of which `done` were done before.
  package init(
    _ label: String, total: Int?, unit: String, done: Int = 0, terminal: Terminal = .standardError,
    plainInterval: Duration = .seconds(10), pace: Pace = Pace(), at now: ContinuousClock.Instant = .now
  ) {
    self.label = label
    self.total = total
    self.unit = unit
    self.done = done
    self.terminal = terminal
    self.pace = pace
    interval = terminal.isInteractive ? .milliseconds(100) : plainInterval
    last = now
    began = now
  }

  /// Says that `done` units are done in all; `fields` are asked for only when a line is due.
  package func update(
    _ done: Int, _ fields: @autoclosure () -> [ProgressField] = [], at now: ContinuousClock.Instant = .now
  ) {
    advance(to: done, at: now)
    if let shown, now - shown < interval { return }
    shown = now
    let text = line(fields())
    if terminal.isInteractive { terminal.write("\r\(text)\u{1B}[K") } else { terminal.write(text + "\n") }
  }

  /// Shows the last line for good, with the time it all took in place of the ETA.
  package func finish(_ fields: [ProgressField] = [], at now: ContinuousClock.Instant = .now) {
    advance(to: done, at: now)
    terminal.writeLine(line(fields, elapsed: now - began))
  }

  private func advance(to done: Int, at now: ContinuousClock.Instant) {
    if done != self.done { pace.add(max(done - self.done, 0), in: now - last); last = now }
    self.done = done
  }

  private func line(_ fields: [ProgressField], elapsed: Duration? = nil) -> String {
    Self.line(
      label: label, done: done, total: total, unit: unit, rate: pace.rate,
      remaining: total.flatMap { pace.time(for: $0 - done) }, elapsed: elapsed, fields: fields,
      columns: terminal.isInteractive ? terminal.columns - 1 : .max)
  }

  /// The text of a line: fields that do not fit into `columns` are left out from the end.
  package static func line(
    label: String, done: Int, total: Int?, unit: String, rate: Double?, remaining: Duration?,
    elapsed: Duration? = nil, fields: [ProgressField] = [], columns: Int = .max
  ) -> String {
    var parts = [label]
    if let total, total > 0 {
      let percent = Double(done) / Double(total) * 100
      parts += ["\(done)/\(total)", "\(Brief.fixed(percent.rounded(.down), 0))%"]
    } else {
      parts.append(Brief.count(done))
    }
    if let rate { parts.append("\(Brief.count(rate)) \(unit)/s") }
    if let elapsed {
      parts.append("in \(Brief.duration(elapsed))")
    } else if total != nil {
      parts.append("ETA \(remaining.map(Brief.duration) ?? "?")")
    }
    var text = ""
    for part in parts + fields.map(\.description) {
      let longer = text.isEmpty ? part : "\(text) \(part)"
      guard longer.count <= columns else { break }
      text = longer
    }
    return text
  }
}
