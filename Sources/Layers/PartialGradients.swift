import Collectives
import Tensors

/// Gradients of which each rank of the tensor axis has a part, though several ranks hold the parameter: those of
/// norms where ranks divide the tokens, and of key-value heads that ranks share. They are added once a step.
package struct PartialGradients {
  private struct Item {
    let parameter: Parameter
    let part: Parameter.Part
    /// Where the whole part stands in the buffer.
    let range: Range<Int>
  }

  private let items: [Item]
  private let count: Int
  private let store: ParameterStore
  private let group: Group

  package init(_ store: ParameterStore, _ group: Group) {
    self.store = store
    self.group = group
    var items: [Item] = []
    var next = 0
    for parameter in store.parameters where group.count > 1 {
      for part in parameter.parts where part.isPartial {
        items.append(Item(parameter: parameter, part: part, range: next..<next + part.whole.count))
        next += part.whole.count
      }
    }
    self.items = items
    count = next
  }

  /// Where in the arena they stand.
  package var ranges: [Range<Int>] { items.map { $0.parameter.range(of: $0.part) } }

  /// Each gradient = the sum of what the ranks that hold the parameter have.
  package func sum() {
    guard count > 0 else { return }
    // Whole parts: ranks that hold other rows of them leave each other's zero.
    let buffer = Tensor(zeros: Shape(count), on: store.gradients.device)
    for item in items { slice(item, of: buffer).copyRows(from: gradient(item)) }
    group.allReduce(buffer)
    for item in items { gradient(item).copyRows(from: slice(item, of: buffer)) }
  }

  private func gradient(_ item: Item) -> Tensor {
    item.parameter.tensor(of: item.part, in: store.gradients)
  }

  /// This rank's rows of the part in the buffer.
  private func slice(_ item: Item, of buffer: Tensor) -> Tensor {
    let columns = item.part.block.columns.count, rows = item.part.block.rows
    precondition(item.part.whole.rank == 1 || columns == item.part.whole.columns)
    let first = item.range.lowerBound
    return buffer.elements(
      first + rows.lowerBound * columns..<first + rows.upperBound * columns,
      as: gradient(item).shape)
  }
}
