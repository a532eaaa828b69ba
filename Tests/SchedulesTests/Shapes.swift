@testable import Schedules

extension Schedule {
  /// Every shape of up to 8 stages, 4 chunks and 24 microbatches that the kind has.
  static func shapes(_ kind: Kind) -> [Schedule] {
    (1...8).flatMap { stages in
      (1...4).flatMap { chunks in
        (1...24).compactMap { microbatches in
          problem(kind: kind, stages: stages, chunks: chunks, microbatches: microbatches) == nil
            ? Schedule(kind, stages: stages, chunks: chunks, microbatches: microbatches) : nil
        }
      }
    }
  }

  /// 1728 of them.
  static let shapes = Kind.allCases.flatMap(shapes)

  var actions: [[Action]] { (0..<stages).map(actions(stage:)) }
}
