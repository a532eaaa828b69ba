extension PipelineDrawing {
  /// The pipeline in characters, a line for each stage and one that explains; nil where they do not fit.
  ///
  ///     stage 0  F0F1    B0──B1──
  ///     stage 1    F0B0──F1B1──
  ///
  /// In colour a box is its number alone, so that more of them fit.
  package func text(columns: Int, isColored: Bool) -> String? {
    let margin = "stage \(stages - 1)  ".count
    // A second digit needs a space behind it: 10 and 11 side by side would read as 1011.
    let label = isColored ? digits + (digits > 1 ? 1 : 0) : digits + 1
    let scales = [label, label + 1].map { Double($0) / shortest }
    guard let scale = scales.first(where: { fits($0, label) }),
      Double(columns - margin) >= (end * scale).rounded(.up)
    else { return nil }
    let lines = (0..<stages).map { stage in
      var line = "stage \(stage)  "
      line += String(repeating: " ", count: margin - line.count)
      var column = 0
      for box in boxes where box.stage == stage {
        let (start, end) = Self.columns(of: box, scale)
        line += String(repeating: " ", count: max(0, start - column))
        line += isColored ? Self.colored(box, width: end - start) : Self.plain(box, width: end - start)
        column = end
      }
      return line
    }
    return (lines + [explanation(isColored: isColored)]).joined(separator: "\n")
  }

  private static func columns(of box: Box, _ scale: Double) -> (start: Int, end: Int) {
    (Int((box.start * scale).rounded()), Int((box.end * scale).rounded()))
  }

  /// Whether rounding to whole columns leaves each box room for its label.
  private func fits(_ scale: Double, _ label: Int) -> Bool {
    guard scale.isFinite, end * scale < 10_000 else { return false }
    return boxes.allSatisfy {
      let (start, end) = Self.columns(of: $0, scale)
      return end - start >= label
    }
  }

  private static func letter(_ box: Box) -> String {
    let letter =
      switch box.pass {
      case .forward: "F"
      case .backward: "B"
      case .weights: "W"
      case .transfer: "T"
      case .update: "U"
      }
    return box.chunk % 2 == 0 ? letter : letter.lowercased()
  }

  private static func plain(_ box: Box, width: Int) -> String {
    let label = letter(box) + "\(box.microbatch)"
    return label + String(repeating: "─", count: width - label.count)
  }

  /// White on blue, orange or green; black on a pale one for odd chunks.
  private static func colored(_ box: Box, width: Int) -> String {
    let label = "\(box.microbatch)"
    let isPale = box.chunk % 2 == 1
    let background =
      switch box.pass {
      case .forward: isPale ? 117 : 25
      case .backward: isPale ? 216 : 130
      case .weights: isPale ? 115 : 29
      case .transfer: 136
      case .update: 97
      }
    return "\u{1B}[38;5;\(isPale ? 16 : 231);48;5;\(background)m" + label
      + String(repeating: " ", count: width - label.count) + "\u{1B}[0m"
  }

  private func explanation(isColored: Bool) -> String {
    let names = passes.map { pass in
      let box = Box(stage: 0, start: 0, end: 0, pass: pass, microbatch: 0, chunk: 0)
      return (isColored ? Self.colored(box, width: 1) : Self.letter(box)) + " \(name(of: pass))"
    }
    let shade = isColored ? "pale" : "small letters"
    return names.joined(separator: ", ") + (chunks > 1 ? "; \(shade): odd chunks" : "")
  }
}
