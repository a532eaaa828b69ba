import Foundation
import Testing

@testable import Telemetry

@Suite struct PipelineDrawingTests {
  /// One microbatch there and back on two stages; stage 0 has a second chunk.
  private func drawing(microbatch: Int = 7, chunk: Int = 0, scale: Double = 1) -> PipelineDrawing {
    func box(_ stage: Int, _ start: Double, _ end: Double, _ pass: PipelineDrawing.Pass)
      -> PipelineDrawing.Box
    {
      PipelineDrawing.Box(
        stage: stage, start: start * scale, end: end * scale, pass: pass, microbatch: microbatch,
        chunk: stage == 0 ? chunk : 0)
    }
    return PipelineDrawing(
      title: "a < b & c", subtitle: "bubble",
      boxes: [
        box(0, 0, 1, .forward), box(0, 4, 6, .backward), box(1, 1, 2, .forward), box(1, 2, 4, .backward),
      ])
  }

  @Test("a picture in characters has a box for each pass at its time")
  func plain() {
    let expected = """
      stage 0  F7      B7──
      stage 1    F7B7──
      F forward, B backward
      """
    #expect(drawing().text(columns: 80, isColored: false) == expected)
    #expect(drawing(scale: 0.001).text(columns: 80, isColored: false) == expected)
    #expect(
      drawing(microbatch: 12, chunk: 1).text(columns: 80, isColored: false) == """
        stage 0  f12         b12───
        stage 1     F12B12───
        F forward, B backward; small letters: odd chunks
        """)
  }

  @Test("in colour a box is its number, and two digits keep apart")
  func colored() throws {
    func bare(_ text: String?) throws -> [Substring] {
      try #require(text).replacing(/\u{1B}\[[0-9;]*m/, with: "").split(separator: "\n").map { $0 }
    }
    #expect(try bare(drawing().text(columns: 80, isColored: true))[0] == "stage 0  7   7 ")
    #expect(
      try bare(drawing(microbatch: 12).text(columns: 80, isColored: true))[1] == "stage 1     12 12    ")
  }

  @Test("a picture that does not fit is none")
  func narrow() {
    #expect(drawing().text(columns: 21, isColored: false) != nil)
    #expect(drawing().text(columns: 20, isColored: false) == nil)
    let empty = PipelineDrawing(title: "", subtitle: "", boxes: [])
    #expect(empty.text(columns: 80, isColored: false) != nil)
    #expect(empty.svg.contains("</svg>"))
  }

  @Test("waiting and updates are boxes without numbers, and set no scale")
  func unnumbered() {
    func box(_ start: Double, _ end: Double, _ pass: PipelineDrawing.Pass) -> PipelineDrawing.Box {
      PipelineDrawing.Box(stage: 0, start: start, end: end, pass: pass, microbatch: 0, chunk: 0)
    }
    let svg = PipelineDrawing(
      title: "", subtitle: "",
      boxes: [box(0, 1, .forward), box(1, 3, .backward), box(3, 3.001, .transfer), box(3.1, 4, .update)]
    ).svg
    #expect(svg.components(separatedBy: "class=\"number").count - 1 == 2)
    #expect(svg.contains(">waiting for others<") && svg.contains(">update<"))
    expectWellFormed(svg)
  }

  @Test("the SVG has every box, its number and what its colours mean, and is well-formed")
  func svg() throws {
    let svg = drawing(chunk: 1).svg
    #expect(svg.contains("<title>a &lt; b &amp; c</title>"))
    #expect(svg.components(separatedBy: "class=\"number").count - 1 == 4)
    #expect(svg.components(separatedBy: "height=\"30\"").count - 1 == 4 + 2, "boxes and rows")
    #expect(svg.components(separatedBy: "fill-opacity=\"0.60\"").count - 1 == 2 + 2, "boxes and legend")
    for text in ["forward", "backward", "chunk 1", "stage 1", "prefers-color-scheme:dark"] {
      #expect(svg.contains(text))
    }
    #expect(!svg.contains(">backward (weights)<"))
    expectWellFormed(svg)
  }
}
