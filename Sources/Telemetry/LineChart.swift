/// Curves over positive values on two logarithmic axes, as one self-contained SVG readable on light and dark pages.
package struct LineChart: Sendable {
  package struct Series: Sendable {
    package let name: String
    package let points: [(x: Double, y: Double)]
    /// Drawn thin and without points: what the others are held against.
    package let isReference: Bool

    package init(_ name: String, _ points: [(x: Double, y: Double)], isReference: Bool = false) {
      (self.name, self.points, self.isReference) = (name, points, isReference)
    }
  }

  package var title: String
  package var xName: String
  package var yName: String
  package var series: [Series]

  package init(title: String, x: String, y: String, series: [Series]) {
    (self.title, xName, yName, self.series) = (title, x, y, series)
  }

  /// Writes the SVG beside `path` and renames it into place.
  package func write(_ path: String) throws(TelemetryFailure) {
    try OutputFile.replace(path, with: Array(svg.utf8))
  }

  package var svg: String {
    let all = series.flatMap(\.points)
    let plot = Self.plot
    let x = ChartAxis(all.map(\.x), scale: .logarithmic, from: plot.left, to: plot.right)
    let y = ChartAxis(all.map(\.y), scale: .logarithmic, from: plot.bottom, to: plot.top)
    let curves = series.enumerated().map { curve($1, color: $0, x, y) }
    return SVG.chart(
      title, titleAt: plot.left, style: Self.style, [grid(x, y)] + curves + [legend()])
  }

  private static let plot = (left: 72.0, right: 776.0, top: 92.0, bottom: 420.0)

  private static let style = """
    <style>
    .page{fill:#ffffff}.title{fill:#1b1f24;font-size:18px;font-weight:600}.label{fill:#57606a;font-size:12px}
    .grid{stroke:#d8dee4}.reference{fill:none;stroke:#aab2bb;stroke-dasharray:4 4}
    .curve{fill:none;stroke-width:2.25;stroke-linejoin:round}.c0{stroke:#0b62c4}.c1{stroke:#cf560a}.c2{stroke:#0a7d5a}
    @media (prefers-color-scheme:dark){.page{fill:#0d1117}.title{fill:#e6edf3}.label{fill:#9da7b1}
    .grid{stroke:#2a313a}.reference{stroke:#4a535e}.c0{stroke:#6cb0ff}.c1{stroke:#ff9a4d}.c2{stroke:#4fd0a5}}
    </style>
    """

  private func grid(_ x: ChartAxis, _ y: ChartAxis) -> String {
    let plot = Self.plot
    var lines = y.ticks().compactMap { tick in
      y.position(tick).map { place in
        "<line class=\"grid\" x1=\"\(SVG.number(plot.left))\" x2=\"\(SVG.number(plot.right))\""
          + " y1=\"\(SVG.number(place))\" y2=\"\(SVG.number(place))\"/>"
          + SVG.label(Brief.count(tick), plot.left - 8, place + 4, anchor: "end")
      }
    }
    lines += x.ticks().compactMap { tick in
      x.position(tick).map { SVG.label(Brief.count(tick), $0, plot.bottom + 20, anchor: "middle") }
    }
    lines.append(SVG.label(xName, (plot.left + plot.right) / 2, plot.bottom + 44, anchor: "middle"))
    lines.append(SVG.label(yName, plot.left, plot.top - 12, anchor: "start"))
    return lines.joined(separator: "\n")
  }

  private func curve(_ series: Series, color: Int, _ x: ChartAxis, _ y: ChartAxis) -> String {
    let places = series.points.compactMap { point -> String? in
      guard let across = x.position(point.x), let height = y.position(point.y) else { return nil }
      return "\(SVG.number(across)) \(SVG.number(height))"
    }
    guard !places.isEmpty else { return "" }
    let kind = series.isReference ? "reference" : "curve c\(color % 3)"
    let line = "<path class=\"\(kind)\" d=\"M\(places.joined(separator: "L"))\"/>"
    return series.isReference
      ? line
      : line + "<path class=\"\(kind)\" stroke-linecap=\"round\" style=\"stroke-width:7\" d=\""
        + places.map { "M\($0)h0" }.joined() + "\"/>"
  }

  private func legend() -> String {
    var across = Self.plot.right
    return series.enumerated().reversed().map { index, series in
      across -= Double(series.name.count) * 6.6 + 46
      let kind = series.isReference ? "reference" : "curve c\(index % 3)"
      return "<g transform=\"translate(\(SVG.number(across)) \(SVG.number(Self.plot.top - 12)))\">"
        + "<path class=\"\(kind)\" d=\"M0 -4h22\"/>" + SVG.label(series.name, 28, 0, anchor: "start")
        + "</g>"
    }.joined(separator: "\n")
  }
}
