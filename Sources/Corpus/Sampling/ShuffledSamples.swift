/// Every sample once an epoch, each epoch in an order of its own: what finetuning reads.
package struct ShuffledSamples: Samples {
  package var count: Int { order.count }
  package var sequenceLength: Int { samples.sequenceLength }
  package var layout: Batch.Layout { samples.layout }

  private let samples: any Samples
  private let order: [UInt32]

  /// The order of epoch e is that of `NumPyRandom(seed + e)`, whatever the number of epochs.
  package init(_ samples: any Samples, epochs: Int, seed: UInt32) throws(CorpusFailure) {
    let (count, overflow) = samples.count.multipliedReportingOverflow(by: epochs)
    guard samples.count > 0, epochs > 0, !overflow, count <= Int(UInt32.max) else {
      throw CorpusFailure(
        "samples", "expected 1 to \(UInt32.max) samples in all, got \(epochs) epochs of \(samples.count)")
    }
    self.samples = samples
    var order: [UInt32] = []
    order.reserveCapacity(count)
    for epoch in 0..<epochs {
      var random = NumPyRandom(seed: seed &+ UInt32(epoch))
      var one = (0..<UInt32(samples.count)).map { $0 }
      random.shuffle(&one)
      order += one
    }
    self.order = order
  }

  package func append(_ index: Int, to batch: inout Batch) throws {
    precondition(index >= 0 && index < count, "sample \(index) outside 0..<\(count)")
    try samples.append(Int(order[index]), to: &batch)
  }
}
