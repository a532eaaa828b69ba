/// Which layers each pipeline stage holds, in `chunks` runs: model chunk c of stage s is run c · stages + s of the
/// model's layers (Megatron-LM's interleaved assignment; one chunk is the plain one).
package struct StagePlan: Sendable, Equatable {
  package let stages: Int
  package let chunks: Int
  /// The layers of each run, in the model's order; some may be empty.
  package let runs: [Range<Int>]

  /// Runs with the given numbers of layers.
  package init(stages: Int, chunks: Int, layerCounts: [Int]) {
    precondition(layerCounts.count == stages * chunks, "\(layerCounts.count) runs for \(stages) × \(chunks)")
    self.stages = stages
    self.chunks = chunks
    var first = 0
    runs = layerCounts.map { count in
      defer { first += count }
      return first..<first + count
    }
  }

  /// Runs such that the dearest stage is as cheap as can be, where a layer costs 1 and the head, which stands
  /// behind the last layer, `headCost`. Every run has a layer where there are enough of them.
  package init(layers: Int, stages: Int, chunks: Int = 1, headCost: Double) {
    let runs = stages * chunks
    precondition(runs > 0 && layers >= runs, "\(layers) layers for \(runs) runs")
    var counts = [Int](repeating: 1, count: runs)
    // Where the next layer costs least; the earlier stage at a tie.
    for _ in 0..<layers - runs {
      let cheapest = (0..<stages).min { cost(of: $0) < cost(of: $1) } ?? 0
      let chunk = (0..<chunks).min { counts[$0 * stages + cheapest] < counts[$1 * stages + cheapest] } ?? 0
      counts[chunk * stages + cheapest] += 1
    }
    func cost(of stage: Int) -> Double {
      (0..<chunks).reduce(stage == stages - 1 ? headCost : 0) { $0 + Double(counts[$1 * stages + stage]) }
    }
    self.init(stages: stages, chunks: chunks, layerCounts: counts)
  }

  /// The layers of chunk `chunk` of stage `stage`.
  package func layers(stage: Int, chunk: Int) -> Range<Int> { runs[chunk * stages + stage] }

  /// How many layers each chunk of stage `stage` has.
  package func layerCounts(stage: Int) -> [Int] {
    (0..<chunks).map { layers(stage: stage, chunk: $0).count }
  }
}
