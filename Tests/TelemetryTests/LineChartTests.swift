import Testing

@testable import Telemetry

@Suite struct LineChartTests {
  @Test("a chart has its curves, their names and the axes' numbers, and is well-formed")
  func whole() {
    let chart = LineChart(
      title: "a < b", x: "devices", y: "tokens/s",
      series: [
        .init("measured", [(1, 10), (10, 80), (100, 500)]),
        .init("in proportion", [(1, 10), (100, 1000)], isReference: true),
      ])
    let svg = chart.svg
    for text in ["a &lt; b", ">devices<", ">tokens/s<", ">measured<", ">in proportion<", ">100<"] {
      #expect(svg.contains(text), "\(text)")
    }
    // The first and the last point stand at the ends of the plot: x from 72 to 776, y from 420 up to 92 at 1000.
    #expect(svg.contains("class=\"reference\" d=\"M72 420L776 92\""))
    expectWellFormed(svg)
  }

  @Test("what has no place on a logarithmic axis is left out, and nothing gives an empty frame")
  func edges() {
    let chart = LineChart(title: "", x: "", y: "", series: [.init("s", [(0, 1), (1, 0), (1, .nan), (2, 3)])])
    #expect(!chart.svg.contains("nan") && !chart.svg.contains("inf"))
    expectWellFormed(LineChart(title: "", x: "", y: "", series: []).svg)
  }
}
