/// A chart of a run's loss as one self-contained SVG, readable on light and dark pages.
///
/// The training loss stands twice, as measured in the background and smoothed in front; held-out losses
/// are points.
package struct LossCurve: Sendable {
  package struct Point: Sendable, Equatable {
    package let step: Int
    package let loss: Double

    package init(step: Int, loss: Double) {
      self.step = step
      self.loss = loss
    }
  }

  package var title: String
  package var train: [Point]
  package var heldOut: [Point]
  /// Steps on a logarithmic axis, which shows the early fall.
  package var isLogarithmic: Bool

  package init(title: String, train: [Point], heldOut: [Point] = [], isLogarithmic: Bool = false) {
    self.title = title
    self.train = train
    self.heldOut = heldOut
    self.isLogarithmic = isLogarithmic
  }

  /// Writes the SVG beside `path` and renames it into place.
  package func write(_ path: String) throws(TelemetryFailure) {
    try OutputFile.replace(path, with: Array(svg.utf8))
  }

  package var svg: String {
    let steps = (train + heldOut).filter(\.loss.isFinite)
    let x = ChartAxis(
      steps.map { Double($0.step) }, scale: isLogarithmic ? .logarithmic : .linear, from: Self.plot.left,
      to: Self.plot.right)
    let y = ChartAxis(steps.map(\.loss), from: Self.plot.bottom, to: Self.plot.top, margin: 0.05)
    let smoothed = Self.smoothed(train)
    return SVG.chart(
      title, titleAt: Self.plot.left, style: Self.style,
      [
        grid(x, y), "<path class=\"raw\" d=\"\(path(train, x, y))\"/>",
        "<path class=\"smooth\" d=\"\(path(smoothed, x, y))\"/>", points(x, y), legend(),
      ])
  }

  // MARK: Parts

  private static let plot = (left: 64.0, right: 776.0, top: 84.0, bottom: 420.0)

  private static let style = """
    <style>
    .page{fill:#ffffff}.title{fill:#1b1f24;font-size:18px;font-weight:600}.label{fill:#57606a;font-size:12px}
    .grid{stroke:#d8dee4;stroke-width:1}.raw{fill:none;stroke:#9cc3ee;stroke-width:1}
    .smooth{fill:none;stroke:#0b62c4;stroke-width:2.25;stroke-linejoin:round}
    .heldout{fill:#d1570b;stroke:#ffffff;stroke-width:1.25}
    @media (prefers-color-scheme:dark){.page{fill:#0d1117}.title{fill:#e6edf3}.label{fill:#9da7b1}
    .grid{stroke:#2a313a}.raw{stroke:#34608f}.smooth{stroke:#6cb0ff}.heldout{fill:#ff9a4d;stroke:#0d1117}}
    </style>
    """

  private func grid(_ x: ChartAxis, _ y: ChartAxis) -> String {
    let plot = Self.plot
    var lines: [String] = []
    for tick in y.ticks() {
      guard let position = y.position(tick) else { continue }
      let height = SVG.number(position)
      lines.append(
        "<line class=\"grid\" x1=\"\(SVG.number(plot.left))\" x2=\"\(SVG.number(plot.right))\""
          + " y1=\"\(height)\" y2=\"\(height)\"/>"
          + SVG.label(y.label(tick), plot.left - 8, position + 4, anchor: "end"))
    }
    for tick in x.ticks(about: 8) {
      guard let position = x.position(tick) else { continue }
      let across = SVG.number(position)
      lines.append(
        "<line class=\"grid\" x1=\"\(across)\" x2=\"\(across)\" y1=\"\(SVG.number(plot.bottom))\""
          + " y2=\"\(SVG.number(plot.bottom + 5))\"/>"
          + SVG.label(x.label(tick), position, plot.bottom + 20, anchor: "middle"))
    }
    let scale = isLogarithmic ? "step (logarithmic)" : "step"
    lines.append(SVG.label(scale, (plot.left + plot.right) / 2, plot.bottom + 44, anchor: "middle"))
    lines.append(SVG.label("loss (nats per token)", plot.left, plot.top - 12, anchor: "start"))
    return lines.joined(separator: "\n")
  }

  private func points(_ x: ChartAxis, _ y: ChartAxis) -> String {
    heldOut.compactMap { point in
      guard let across = x.position(Double(point.step)), let height = y.position(point.loss) else {
        return nil
      }
      return
        "<circle class=\"heldout\" cx=\"\(SVG.number(across))\" cy=\"\(SVG.number(height))\" r=\"4\"/>"
    }.joined(separator: "\n")
  }

  private func legend() -> String {
    var marks: [(mark: String, text: String)] = [
      ("<path class=\"raw\" d=\"M0 -4h22\"/>", "train"),
      ("<path class=\"smooth\" d=\"M0 -4h22\"/>", "train, smoothed"),
    ]
    if !heldOut.isEmpty {
      marks.append(("<circle class=\"heldout\" cx=\"11\" cy=\"-4\" r=\"4\"/>", "held out"))
    }
    var across = Self.plot.right
    var parts: [String] = []
    for (mark, text) in marks.reversed() {
      across -= Double(text.count) * 6.6 + 46
      parts.append(
        "<g transform=\"translate(\(SVG.number(across)) \(SVG.number(Self.plot.top - 12)))\">\(mark)"
          + SVG.label(text, 28, 0, anchor: "start") + "</g>")
    }
    return parts.reversed().joined(separator: "\n")
  }

  /// A line through the points, broken where a loss is NaN. Where many points share a pixel, the first,
  /// lowest, highest and last of them draw the same line.
  private func path(_ points: [Point], _ x: ChartAxis, _ y: ChartAxis) -> String {
    var text = ""
    var column: [(across: Double, height: Double)] = []
    var isPenDown = false
    func flush() {
      let low = column.indices.min { column[$0].height < column[$1].height }
      let high = column.indices.max { column[$0].height < column[$1].height }
      for index in Set([0, low ?? 0, high ?? 0, column.count - 1]).sorted()
      where index < column.count && index >= 0 {
        text +=
          "\(isPenDown ? "L" : "M")\(SVG.number(column[index].across)) \(SVG.number(column[index].height))"
        isPenDown = true
      }
      column.removeAll(keepingCapacity: true)
    }
    for point in points {
      guard let across = x.position(Double(point.step)), let height = y.position(point.loss) else {
        flush()
        isPenDown = false
        continue
      }
      if let first = column.first, Int(first.across) != Int(across) { flush() }
      column.append((across, height))
    }
    flush()
    return text
  }

  /// The mean of the finite losses around each point: an eighth of its index to either side, so that
  /// the early fall keeps its shape, and at most a fiftieth of the run.
  static func smoothed(_ points: [Point]) -> [Point] {
    var sums = [0.0]
    var counts = [0]
    for point in points {
      let isFinite = point.loss.isFinite
      sums.append((sums.last ?? 0) + (isFinite ? point.loss : 0))
      counts.append((counts.last ?? 0) + (isFinite ? 1 : 0))
    }
    return points.indices.map { index in
      guard points[index].loss.isFinite else { return points[index] }
      let reach = min(index / 8, points.count / 50)
      let (first, end) = (index - reach, min(index + reach + 1, points.count))
      let mean = (sums[end] - sums[first]) / Double(counts[end] - counts[first])
      return Point(step: points[index].step, loss: mean)
    }
  }
}
