/// How a dataset divides into training, validation and test, written as Megatron does: `969,30,1`.
package struct DatasetSplit: Sendable, Equatable {
  /// Cumulative fractions: 0, end of training, end of validation, end of test.
  private let boundaries: [Double]

  /// Parses one to three non-negative numbers separated by commas; they are normalised by their sum.
  package init(_ text: String) throws(CorpusFailure) {
    let fields = text.split(separator: ",", omittingEmptySubsequences: false)
    var weights: [Double] = []
    for field in fields {
      let trimmed = field.drop { $0 == " " }
      guard let weight = Double(trimmed), weight >= 0, weight.isFinite else {
        throw CorpusFailure(
          "split \(text)", "expected numbers such as 969,30,1 (training, validation, test), got '\(field)'")
      }
      weights.append(weight)
    }
    let sum = weights.reduce(0, +)
    guard weights.count <= 3, sum > 0, sum.isFinite else {
      throw CorpusFailure(
        "split \(text)", "expected one to three numbers, not all zero: training, validation, test")
    }
    while weights.count < 3 { weights.append(0) }
    var boundaries = [0.0]
    for weight in weights { boundaries.append(boundaries[boundaries.count - 1] + weight / sum) }
    self.boundaries = boundaries
  }

  package var training: Part { Part(start: boundaries[0], end: boundaries[1]) }
  package var validation: Part { Part(start: boundaries[1], end: boundaries[2]) }
  package var test: Part { Part(start: boundaries[2], end: boundaries[3]) }

  /// A contiguous part of a dataset, as fractions of it.
  package struct Part: Sendable, Equatable {
    package let start: Double
    package let end: Double

    package static let all = Part(start: 0, end: 1)

    /// The sequences `round(start·count) ..< round(end·count)`, halves to even as Python rounds.
    package func range(count: Int) -> Range<Int> {
      let first = (start * Double(count)).rounded(.toNearestOrEven)
      let last = (end * Double(count)).rounded(.toNearestOrEven)
      return Int(first)..<Int(last)
    }
  }
}
