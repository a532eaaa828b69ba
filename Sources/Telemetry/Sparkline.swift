/// A curve in one line of text: ▇▅▃▂▁
package enum Sparkline {
  private static let bars: [Character] = Array("▁▂▃▄▅▆▇█")

  /// At most `width` characters: neighbours are averaged, the lowest becomes ▁ and the highest █. A place
  /// where nothing finite was measured is blank.
  package static func text(_ values: [Double], width: Int = 60) -> String {
    guard width > 0, !values.isEmpty else { return "" }
    let count = min(width, values.count)
    let means: [Double?] = (0..<count).map { column in
      let range = (column * values.count / count)..<((column + 1) * values.count / count)
      let finite = values[range].filter(\.isFinite)
      return finite.isEmpty ? nil : finite.reduce(0) { $0 + $1 / Double(finite.count) }
    }
    let known = means.compactMap(\.self)
    guard let low = known.min(), let high = known.max() else {
      return String(repeating: " ", count: count)
    }
    return String(
      means.map { mean in
        guard let mean else { return " " }
        // Halved, since the whole span of Doubles is no Double.
        let span = high / 2 - low / 2
        let height = span > 0 ? (mean / 2 - low / 2) / span : 0
        return bars[min(Int(height * Double(bars.count)), bars.count - 1)]
      })
  }
}
