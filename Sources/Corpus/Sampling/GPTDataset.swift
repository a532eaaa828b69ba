/// Samples of consecutive tokens drawn from part of an `IndexedDataset`, in Megatron's order.
///
/// The documents of the part are shuffled into one row, the row is cut every `sequenceLength` tokens, and the
/// cuts are taken in a shuffled order. Documents are separated by nothing but their own end-of-text token.
package struct GPTDataset: Samples {
  package let sequenceLength: Int
  package var count: Int { index.count }

  let index: SampleIndex
  private let dataset: IndexedDataset
  private let maskAfter: Int32?

  /// - Parameters:
  ///   - part: The part of the dataset to draw from, in sequences.
  ///   - sampleCount: Samples wanted; the data repeats as often as needed. Nil means one epoch.
  ///   - maskAfter: The token that ends documents, when what follows it is not to be scored.
  package init(
    _ dataset: IndexedDataset, part: DatasetSplit.Part = .all, sequenceLength: Int, sampleCount: Int?,
    seed: UInt32, maskAfter: Int32? = nil
  ) throws(CorpusFailure) {
    self.dataset = dataset
    self.maskAfter = maskAfter
    self.sequenceLength = sequenceLength
    let sequences = part.range(count: dataset.sequenceCount)
    var lengths: [Int32] = []
    lengths.reserveCapacity(sequences.count)
    for sequence in sequences {
      let length = dataset.length(of: sequence)
      guard length >= 0 else {
        throw CorpusFailure(
          "\(dataset.prefix).idx", "sequence \(sequence) has \(length) tokens; the index is damaged")
      }
      lengths.append(Int32(length))
    }
    index = try SampleIndex(
      sequences: sequences, lengths: lengths, sequenceLength: sequenceLength, sampleCount: sampleCount,
      seed: seed, place: dataset.prefix)
  }

  package func append(_ sample: Int, to batch: inout Batch) throws {
    precondition(sample >= 0 && sample < count, "sample \(sample) outside 0..<\(count)")
    let row = Int(index.shuffle[sample])
    let (start, end) = (index.starts[row], index.starts[row + 1])
    for position in start.document...end.document {
      let sequence = Int(index.documents[Int(position)])
      let first = position == start.document ? Int(start.offset) : 0
      let last = position == end.document ? Int(end.offset) + 1 : dataset.length(of: sequence)
      try dataset.append(sequence: sequence, from: first, count: last - first, to: &batch.tokens)
    }
    batch.shiftTargets(maskAfter: maskAfter)
  }
}
