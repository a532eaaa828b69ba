import Synchronization
import Telemetry
import Testing

/// Keeps what was shown.
final class Screen: Sendable {
  private let shown = Mutex("")
  var text: String { shown.withLock { $0 } }
  func terminal(isInteractive: Bool, columns: Int = 80) -> Terminal {
    Terminal(isInteractive: isInteractive, columns: columns) { text in self.shown.withLock { $0 += text } }
  }
}

@Suite struct ProgressTests {
  let start = ContinuousClock.now
  let fields: [ProgressField] = [
    .loss(3.21449), .gradientNorm(0.8304), .learningRate(2e-4), .tokensPerSecond(12_345),
    .utilisation(0.4123, convention: "Nemotron model FLOPs"),
  ]

  @Test("a line says how far, how fast, how long, and the figures") func line() {
    #expect(
      ProgressLine.line(
        label: "train", done: 120, total: 1000, unit: "step", rate: 3.4, remaining: .seconds(258.8),
        fields: fields)
        == "train 120/1000 12% 3.40 step/s ETA 4m19s loss 3.2145 |g| 0.830 lr 2.00e-04 12.3k tok/s "
        + "MFU 41.2% (Nemotron model FLOPs)")
    #expect(
      ProgressLine.line(label: "encode", done: 12_345, total: nil, unit: "doc", rate: nil, remaining: nil)
        == "encode 12.3k")
    #expect(
      ProgressLine.line(label: "t", done: 999, total: 1000, unit: "step", rate: nil, remaining: nil)
        == "t 999/1000 99% ETA ?")
  }

  @Test("what does not fit is left out from the end, never wrapped", arguments: 0...120)
  func narrow(columns: Int) {
    let text = ProgressLine.line(
      label: "train", done: 1, total: 10, unit: "step", rate: 1, remaining: .seconds(9), fields: fields,
      columns: columns)
    #expect(text.count <= columns)
  }

  @Test("a terminal's line is rewritten, at most ten times a second") func interactive() {
    let screen = Screen()
    let line = ProgressLine(
      "train", total: 100, unit: "step", terminal: screen.terminal(isInteractive: true), at: start)
    for step in 1...100 { line.update(step, at: start + .milliseconds(10 * step)) }
    line.finish([.loss(1)], at: start + .seconds(1))
    #expect(screen.text.split(separator: "\r").count == 11)
    #expect(screen.text.hasPrefix("\rtrain 1/100 1% 100 step/s ETA 1.0s\u{1B}[K"))
    #expect(screen.text.hasSuffix("\r\u{1B}[Ktrain 100/100 100% 100 step/s in 1.0s loss 1.0000\n"))
  }

  @Test("a pipe gets a plain line every so often") func plain() {
    let screen = Screen()
    let line = ProgressLine(
      "train", total: 100, unit: "step", terminal: screen.terminal(isInteractive: false), at: start)
    for step in 1...100 { line.update(step, at: start + .seconds(step)) }
    #expect(screen.text.split(separator: "\n").count == 10)
    #expect(!screen.text.contains("\r") && !screen.text.contains("\u{1B}"))
    #expect(screen.text.hasPrefix("train 1/100 1% 1 step/s ETA 1m39s\ntrain 11/100 "))
  }

  @Test("fields are made only for lines that are shown") func lazily() {
    var made = 0
    func figures() -> [ProgressField] {
      made += 1
      return []
    }
    let line = ProgressLine(
      "t", total: 9, unit: "step", terminal: Screen().terminal(isInteractive: false), at: start)
    for step in 1...9 { line.update(step, figures(), at: start + .seconds(step)) }
    #expect(made == 1)
  }

  @Test("a resumed run's rate counts only its own steps") func resumed() {
    let screen = Screen()
    let line = ProgressLine(
      "t", total: 200, unit: "step", done: 100, terminal: screen.terminal(isInteractive: false), at: start)
    line.update(102, at: start + .seconds(1))
    #expect(screen.text == "t 102/200 51% 2 step/s ETA 49s\n")
  }

  @Test("the pace follows a change of speed and ignores a single stall") func pace() throws {
    var pace = Pace(halfLife: .seconds(10))
    #expect(pace.rate == nil)
    #expect(pace.time(for: 5) == nil)
    for _ in 0..<100 { pace.add(10, in: .seconds(1)) }
    #expect(abs(try #require(pace.rate) - 10) < 1e-9)
    for _ in 0..<10 { pace.add(20, in: .seconds(1)) }
    #expect(abs(try #require(pace.rate) - 15) < 0.5)
    for _ in 0..<100 { pace.add(20, in: .seconds(1)) }
    #expect(abs(try #require(pace.rate) - 20) < 0.1)
    #expect(abs(try #require(pace.time(for: 200)).seconds - 10) < 0.1)
    pace.add(0, in: .seconds(100_000))
    #expect(pace.time(for: 200) == nil)
  }
}
