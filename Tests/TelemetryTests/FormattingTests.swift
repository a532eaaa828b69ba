import Logging
import Testing

@testable import Telemetry

@Suite struct FormattingTests {
  @Test("counts have three digits and a letter")
  func counts() {
    let golden: [(Double, String)] = [
      (0, "0"), (7, "7"), (3.416, "3.42"), (41.23, "41.2"), (99.96, "100"), (999, "999"), (999.6, "1.00k"),
      (1000, "1.00k"), (12_345, "12.3k"), (999_499, "999k"), (999_500, "1.00M"), (1.5e9, "1.50B"),
      (3.4e15, "3400T"), (-12_345, "-12.3k"), (.nan, "NaN"), (.infinity, "inf"), (0.001, "0.00"),
    ]
    for (value, text) in golden { #expect(Brief.count(value) == text) }
  }

  @Test("durations, sizes, decimals and powers read as people write them") func units() {
    let durations: [(Double, String)] = [
      (-1, "0.0s"), (0.44, "0.4s"), (9.94, "9.9s"), (9.96, "10s"), (59.4, "59s"), (59.6, "1m00s"),
      (102, "1m42s"), (3599.6, "1h00m"), (7500, "2h05m"), (273_600, "3d04h"), (1e12, "ages"),
    ]
    for (seconds, text) in durations { #expect(Brief.duration(.seconds(seconds)) == text) }
    let sizes: [(Int, String)] = [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_610_612_736, "1.5 GiB"), (1_048_575, "1.0 MiB"),
      (-2048, "-2.0 KiB"), (.max, "8.0 EiB"),
    ]
    for (count, text) in sizes { #expect(Bytes(count).description == text) }
    #expect(Brief.fixed(3.14159, 4) == "3.1416")
    #expect(Brief.fixed(-0.00001, 2) == "0.00")
    #expect(Brief.fixed(-1.05, 1) == "-1.1" || Brief.fixed(-1.05, 1) == "-1.0")
    #expect(Brief.fixed(1e300, 2) == "1e+300")
    #expect(Brief.fixed(9.999, 2) == "10.00")
    #expect(Brief.scientific(2e-4) == "2.00e-04")
    #expect(Brief.scientific(9.999e-5) == "1.00e-04")
    #expect(Brief.scientific(0) == "0")
    #expect(Brief.scientific(-123) == "-1.23e+02")
    #expect(Brief.percent(0.4123) == "41.2%")
  }

  @Test("a sparkline spans the lowest to the highest, blank where nothing is known") func sparklines() {
    #expect(Sparkline.text([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█")
    #expect(Sparkline.text([8, .nan, 1]) == "█ ▁")
    #expect(Sparkline.text([5, 5]) == "▁▁")
    #expect(Sparkline.text([]) == "")
    #expect(Sparkline.text([.nan, .infinity]) == "  ")
    #expect(Sparkline.text((0..<1000).map(Double.init), width: 8) == "▁▂▃▄▅▆▇█")
    #expect(Sparkline.text([-.greatestFiniteMagnitude, .greatestFiniteMagnitude]) == "▁█")
    #expect(Sparkline.text([1, 2, 3], width: 0) == "")
  }

  @Test("a table lines up words to the left and numbers to the right") func tables() {
    var table = Table(["run", "loss", "note"])
    table.append("demo", "3.2145", "as it should")
    table.append("a long name", "12.5")
    #expect(
      table.description == """
        run            loss  note
        demo         3.2145  as it should
        a long name    12.5
        """)
    #expect(Table().description == "")
    #expect(Table(rows: [["a", "1"], ["bc", "-12"]]).description == "a     1\nbc  -12")
  }

  @Test("a log message is one clean line, and secrets stay out of it") func logging() {
    #expect(
      StandardErrorLog.line(
        time: "09:05:07", level: .info, label: nil, message: "read\nthe \u{1B}[2Jcorpus",
        metadata: ["documents": "1204", "API_KEY": "hunter2"])
        == "09:05:07 info  read the  [2Jcorpus API_KEY=••• documents=1204")
    #expect(
      StandardErrorLog.line(time: "t", level: .warning, label: "corpus", message: "m", metadata: [:])
        == "t warning [corpus] m")
    let screen = Screen()
    var log = StandardErrorLog("label", level: .info, terminal: screen.terminal(isInteractive: true))
    log[metadataKey: "rank"] = "1"
    let handler = log
    let logger = Logger(label: "x") { _ in handler }
    logger.debug("hidden")
    logger.error("shown", metadata: ["step": "7"])
    #expect(screen.text.hasPrefix("\r\u{1B}[K"))
    #expect(screen.text.hasSuffix(" error shown rank=1 step=7\n"))
    #expect(!screen.text.contains("hidden"))
  }
}
