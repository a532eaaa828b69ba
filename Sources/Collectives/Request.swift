import Tensors

/// What one rank asks of a group: a collective that every member asks for in the same order, or a message.
///
/// Parts stand in the order of the ranks. Reductions add in the order of the ranks, element by element, whatever
/// carries them: a run repeats bit for bit, and the carriers agree.
package struct Request {
  package enum Kind: Sendable, Hashable {
    /// output = reduction of all outputs; in place.
    case allReduce(Reduction)
    /// output = this rank's part of the sum of all inputs.
    case reduceScatter
    /// output = all inputs, one behind the other.
    case allGather
    /// output = the root's output; in place.
    case broadcast(root: Int)
    /// Part r of output = this rank's part of rank r's input.
    case allToAll
    case send(to: Int, tag: Int)
    case receive(from: Int, tag: Int)

    /// As the watchdog's message says it.
    var name: StaticString {
      switch self {
      case .allReduce: "all-reduce"
      case .reduceScatter: "reduce-scatter"
      case .allGather: "all-gather"
      case .broadcast: "broadcast"
      case .allToAll: "all-to-all"
      case .send: "send"
      case .receive: "receive"
      }
    }
  }

  package let kind: Kind
  /// Of the input. Reductions of bf16 give f32 and add in f32.
  package let element: DType
  package let input: UnsafeRawBufferPointer
  package let output: UnsafeMutableRawBufferPointer
  /// Whose kernels add.
  package let device: Device
  /// What holds the memory until the transfer is over.
  package let tensors: (Tensor?, Tensor?)
}

/// A request on its way. Every one is waited for, once.
package protocol Transfer: AnyObject {
  /// Returns when the output is complete and the input may be changed.
  func wait()
}

/// What moves bytes between the members of one group, as one member sees it.
package protocol Carrier: AnyObject {
  /// Begins a request. Collectives are begun in the same order by all members; messages match by (sender, tag),
  /// in the order sent.
  func start(_ request: Request, status: RankStatus) -> any Transfer
}
