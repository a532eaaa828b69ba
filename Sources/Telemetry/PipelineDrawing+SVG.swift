extension PipelineDrawing {
  /// One self-contained SVG, readable on light and dark pages. Idle time is grey; a later chunk is paler.
  package var svg: String {
    let layout = Layout(self)
    let (width, height) = (SVG.number(layout.width), SVG.number(layout.height))
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)"\
       height="\(height)" role="img"\
       font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">
      <title>\(SVG.escaped(title))</title>
      \(style)
      <rect class="page" width="\(width)" height="\(height)"/>
      <text class="title" x="\(SVG.number(Layout.margin))" y="34">\(SVG.escaped(title))</text>
      <text class="label" x="\(SVG.number(Layout.margin))" y="56">\(SVG.escaped(subtitle))</text>
      \(legend())
      \(rows(layout))
      \(axis(layout))
      \(passes(layout))
      </svg>

      """
  }

  /// Where things stand, in pixels.
  private struct Layout {
    static let margin = 24.0, row = 30.0, step = 36.0, top = 106.0
    let left = 84.0
    let width: Double
    let height: Double
    let bottom: Double
    let axis: ChartAxis

    /// Wide enough that the shortest box holds its label, within what a page can show.
    init(_ drawing: PipelineDrawing) {
      let end = max(drawing.end, .leastNormalMagnitude)
      let wanted = end / max(drawing.shortest, end / 1e6) * (Double(drawing.digits) * 7 + 7)
      let right = left + min(max(wanted, 700), 3000)
      width = right + Self.margin
      bottom = Self.top + Double(drawing.stages) * Self.step
      height = bottom + 50
      axis = ChartAxis([0, end], from: left, to: right)
    }

    func x(_ time: Double) -> Double { axis.position(time) ?? left }
    func y(_ stage: Int) -> Double { Self.top + Double(stage) * Self.step }
  }

  private var style: String {
    """
    <style>
    .page{fill:#ffffff}.title{fill:#1b1f24;font-size:18px;font-weight:600}.label{fill:#57606a;font-size:12px}
    .idle{fill:#eef1f4}.tick{stroke:#aab2bb}.number{font-size:11px;text-anchor:middle;fill:#1b1f24}
    .first{fill:#ffffff}.forward{fill:#0b62c4}.backward{fill:#cf560a}.weights{fill:#0a7d5a}
    .transfer{fill:#8a6d00}.update{fill:#6639ba}
    @media (prefers-color-scheme:dark){.page{fill:#0d1117}.title{fill:#e6edf3}.label{fill:#9da7b1}
    .idle{fill:#1b222b}.tick{stroke:#4a535e}.number{fill:#e6edf3}.first{fill:#ffffff}
    .forward{fill:#2f7de0}.backward{fill:#c9601f}.weights{fill:#1b8f69}
    .transfer{fill:#c79d12}.update{fill:#8957e5}}
    </style>
    """
  }

  /// How much of its colour a chunk shows: the first all of it, and the others less and less.
  private func opacity(chunk: Int) -> String {
    guard chunk > 0 else { return "1" }
    return Brief.fixed(0.6 - 0.3 * Double(chunk - 1) / Double(max(chunks - 2, 1)), 2)
  }

  private func legend() -> String {
    var across = Layout.margin
    var parts: [String] = []
    func add(_ text: String, _ marks: [(pass: Pass, chunk: Int)]) {
      for mark in marks {
        parts.append(
          "<rect class=\"\(mark.pass)\" fill-opacity=\"\(opacity(chunk: mark.chunk))\""
            + " x=\"\(SVG.number(across))\" y=\"72\" width=\"14\" height=\"14\" rx=\"2\"/>")
        across += 16
      }
      across += 4
      parts.append("<text class=\"label\" x=\"\(SVG.number(across))\" y=\"83\">\(text)</text>")
      across += Double(text.count) * 6.4 + 20
    }
    for pass in passes { add(name(of: pass), [(pass, 0)]) }
    if chunks > 1 {
      for chunk in 0..<chunks { add("chunk \(chunk)", passes.filter(\.isNumbered).map { ($0, chunk) }) }
    }
    return parts.joined(separator: "\n")
  }

  private func rows(_ layout: Layout) -> String {
    (0..<stages).map { stage in
      let y = layout.y(stage)
      return "<text class=\"label\" x=\"\(SVG.number(Layout.margin))\""
        + " y=\"\(SVG.number(y + 19))\">stage \(stage)</text>"
        + "<rect class=\"idle\" x=\"\(SVG.number(layout.left))\" y=\"\(SVG.number(y))\""
        + " width=\"\(SVG.number(layout.axis.to - layout.left))\""
        + " height=\"\(SVG.number(Layout.row))\" rx=\"2\"/>"
    }.joined(separator: "\n")
  }

  private func axis(_ layout: Layout) -> String {
    layout.axis.ticks(about: 10).map { tick in
      let x = SVG.number(layout.x(tick))
      return "<line class=\"tick\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(SVG.number(layout.bottom))\""
        + " y2=\"\(SVG.number(layout.bottom + 5))\"/>"
        + "<text class=\"label\" text-anchor=\"middle\" x=\"\(x)\""
        + " y=\"\(SVG.number(layout.bottom + 20))\">\(layout.axis.label(tick))</text>"
    }.joined(separator: "\n")
      + "\n<text class=\"label\" x=\"\(SVG.number(Layout.margin))\""
      + " y=\"\(SVG.number(layout.bottom + 20))\">time</text>"
  }

  private func passes(_ layout: Layout) -> String {
    // Boxes of one width have a number all or none.
    let room = Double(digits) * 6.5
    return boxes.map { box in
      let (left, right, y) = (layout.x(box.start), layout.x(box.end), layout.y(box.stage))
      // A hair of idle colour parts neighbours; a box of no width stays visible.
      let width = max(right - left - 1, 0.5)
      let rectangle =
        "<rect class=\"\(box.pass)\""
        + (box.chunk > 0 ? " fill-opacity=\"\(opacity(chunk: box.chunk))\"" : "")
        + " x=\"\(SVG.number(left))\" y=\"\(SVG.number(y))\" width=\"\(SVG.number(width))\""
        + " height=\"\(SVG.number(Layout.row))\" rx=\"2\"/>"
      guard width >= room, box.pass.isNumbered else { return rectangle }
      return rectangle
        + "<text class=\"number\(box.chunk == 0 ? " first" : "")\""
        + " x=\"\(SVG.number((left + right - 1) / 2))\""
        + " y=\"\(SVG.number(y + 19))\">\(box.microbatch)</text>"
    }.joined(separator: "\n")
  }
}
