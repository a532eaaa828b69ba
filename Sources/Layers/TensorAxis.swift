import Collectives
import Tensors

/// The tensor axis as a layer sees it: the ranks that divide its matrices and, with sequence parallelism, its tokens.
///
/// A transformer block multiplies by a matrix whose outputs are divided (`ColumnParallelLinear`), then by one whose
/// inputs are (`RowParallelLinear`); between the two nothing travels (Shoeybi et al. 2019). Outside them, every rank
/// holds all tokens, or its run of them (Korthikanti et al. 2022): then what was an all-reduce is a reduce-scatter on
/// the one side and an all-gather on the other, and norms and dropouts are done once instead of `count` times.
package struct TensorAxis {
  package let group: Group
  /// Whether ranks divide the tokens between the products.
  package let splitsTokens: Bool

  package init(_ group: Group, splitsTokens: Bool) {
    self.group = group
    self.splitsTokens = splitsTokens && group.count > 1
  }

  /// One rank, which holds everything.
  package static var single: TensorAxis { TensorAxis(.alone("tensor"), splitsTokens: false) }

  package var rank: Int { group.rank }
  package var count: Int { group.count }

  /// This rank's run of `count` rows or columns; runs may differ by one.
  package func share(of count: Int) -> Range<Int> { .part(rank, of: self.count, count: count) }

  /// Of `tokens`, those that this rank holds between the products.
  package func held(_ tokens: Int) -> Int { splitsTokens ? tokens / count : tokens }

  /// The place of the first element of `x`, this rank's, in the tensor of all tokens.
  package func firstElement(of x: Tensor) -> Int { splitsTokens ? rank * x.count : 0 }

  /// All tokens of `x`, of which this rank may hold some.
  package func startGathering(_ x: Tensor) -> Arriving {
    guard splitsTokens else { return Arriving(tensor: x, pending: nil) }
    let whole = Tensor(uninitialized: Shape(x.rows * count, x.columns), on: x.device)
    return Arriving(tensor: whole, pending: group.startAllGather(x, into: whole))
  }

  /// The sum of every rank's `partial`, for all tokens, or for those that this rank holds. `partial` is used up.
  package func startSumming(_ partial: Tensor) -> Arriving {
    guard count > 1 else { return Arriving(tensor: partial, pending: nil) }
    guard splitsTokens else { return Arriving(tensor: partial, pending: group.startAllReduce(partial)) }
    let part = Tensor(uninitialized: Shape(partial.rows / count, partial.columns), on: partial.device)
    return Arriving(tensor: part, pending: group.startReduceScatter(partial, into: part))
  }

  /// Of `whole`, which holds all tokens, the rows of those that this rank holds.
  package func own(_ whole: Tensor) -> Tensor {
    splitsTokens ? whole.rows(.part(rank, of: count, count: whole.rows)) : whole
  }

  /// A tensor on its way, under which something else may be computed.
  package struct Arriving {
    fileprivate let tensor: Tensor
    fileprivate let pending: Pending?

    /// The tensor, once it is complete.
    package func wait() -> Tensor {
      pending?.wait()
      return tensor
    }
  }
}
