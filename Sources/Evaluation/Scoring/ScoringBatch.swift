import Layers
import Tensors

/// Windows side by side, those that are shorter than the first padded at the end, which no token of theirs sees.
struct ScoringBatch {
  let microbatch: Microbatch
  let targets: Targets
  /// Of each window, where its scored tokens stand among the rows that the head is asked for.
  private let places: [Range<Int>]
  private let wanted: [Int32]

  init(_ windows: [Window], on device: Device) {
    let length = windows.map(\.inputCount).max() ?? 0
    var inputs: [Int32] = []
    var targets: [Int32] = []
    for window in windows {
      let padding = length - window.inputCount
      inputs += window.inputs + [Int32](repeating: 0, count: padding)
      targets += [Int32](repeating: -1, count: window.inputCount - window.scored)
      targets += window.tokens.suffix(window.scored) + [Int32](repeating: -1, count: padding)
    }
    microbatch = Microbatch(inputs, sequences: windows.count, on: device)
    self.targets = Targets(tokens: targets, on: device)
    wanted = self.targets.rows == nil ? targets : targets.filter { $0 >= 0 }
    let picksRows = self.targets.rows != nil
    var picked = 0
    places = windows.enumerated().map { index, window in
      defer { picked += window.scored }
      let first = picksRows ? picked : index * length + window.inputCount - window.scored
      return first..<first + window.scored
    }
  }

  /// What a head's answers come to: the loss of each row and, where asked for, its best token.
  func scores(losses: [Float], best: [Int32]?) -> [Score] {
    places.map { rows in
      Score(
        logLikelihood: rows.reduce(0) { $0 - Double(losses[$1]) },
        isGreedy: best.map { best in rows.allSatisfy { best[$0] == wanted[$0] } } ?? false)
    }
  }
}
