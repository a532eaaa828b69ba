/// A pipeline over time: a row for each stage and a box for each pass of a microbatch.
package struct PipelineDrawing: Sendable {
  package enum Pass: Int, CaseIterable, Sendable {
    case forward, backward, weights
    /// Waiting for, or sending, what others have.
    case transfer
    case update

    /// Whether it belongs to a microbatch.
    package var isNumbered: Bool { self != .transfer && self != .update }
  }

  package struct Box: Sendable {
    package let stage: Int
    package let start: Double
    package let end: Double
    package let pass: Pass
    package let microbatch: Int
    package let chunk: Int

    package init(stage: Int, start: Double, end: Double, pass: Pass, microbatch: Int, chunk: Int) {
      (self.stage, self.start, self.end) = (stage, start, end)
      (self.pass, self.microbatch, self.chunk) = (pass, microbatch, chunk)
    }
  }

  package var title: String
  package var subtitle: String
  package let boxes: [Box]

  package init(title: String, subtitle: String, boxes: [Box]) {
    self.title = title
    self.subtitle = subtitle
    self.boxes = boxes
  }

  /// Writes the SVG beside `path` and renames it into place.
  package func write(_ path: String) throws(TelemetryFailure) {
    try OutputFile.replace(path, with: Array(svg.utf8))
  }

  var stages: Int { (boxes.map(\.stage).max() ?? -1) + 1 }
  var chunks: Int { (boxes.map(\.chunk).max() ?? -1) + 1 }
  var end: Double { boxes.map(\.end).max() ?? 0 }
  var passes: [Pass] { Pass.allCases.filter { pass in boxes.contains { $0.pass == pass } } }
  var shortest: Double { boxes.lazy.filter(\.pass.isNumbered).map { $0.end - $0.start }.min() ?? 1 }
  /// Digits of the longest label.
  var digits: Int { "\(boxes.map(\.microbatch).max() ?? 0)".count }

  /// What a pass is called: a backward pass on its own has the weight gradients in it.
  func name(of pass: Pass) -> String {
    switch pass {
    case .forward: "forward"
    case .backward: passes.contains(.weights) ? "backward (input)" : "backward"
    case .weights: "backward (weights)"
    case .transfer: "waiting for others"
    case .update: "update"
    }
  }
}
