import Testing
import Topology

@testable import Checkpoints

@Suite struct TensorPartTests {
  /// The elements of the matrix, of `columns` columns, that `part` holds, in its order.
  private func elements(_ part: TensorPart, columns: Int) -> [Int] {
    part.range.map { element in
      let row = part.block.rows.lowerBound + element / part.block.columns.count
      return row * columns + part.block.columns.lowerBound + element % part.block.columns.count
    }
  }

  @Test("what two parts have in common is found, each element once, in as few runs as rows")
  func runs() {
    var random = SystemRandomNumberGenerator()
    func range(in count: Int) -> Range<Int> {
      let ends = (Int.random(in: 0...count, using: &random), Int.random(in: 0...count, using: &random))
      return min(ends.0, ends.1)..<max(ends.0, ends.1)
    }
    for _ in 0..<5000 {
      let shape = (
        rows: Int.random(in: 0...6, using: &random), columns: Int.random(in: 0...6, using: &random)
      )
      let parts = (0..<2).map { _ in
        let columns = Bool.random(using: &random) ? 0..<shape.columns : range(in: shape.columns)
        let block = Block(rows: range(in: shape.rows), columns: columns)
        return TensorPart(block, range(in: block.count))
      }
      let a = elements(parts[0], columns: shape.columns)
      let b = elements(parts[1], columns: shape.columns)
      var common: [Int] = []
      var runs = 0
      parts[0].forEachRun(sharedWith: parts[1]) { start, other, count in
        #expect(Array(a[start..<start + count]) == Array(b[other..<other + count]))
        common += a[start..<start + count]
        runs += 1
      }
      #expect(common.sorted() == Set(a).intersection(b).sorted(), "\(parts)")
      #expect(runs <= (parts[0].block.columns == parts[1].block.columns ? 1 : shape.rows))
      #expect(parts[0].overlaps(parts[1]) || common.isEmpty)
    }
  }

  @Test("whole rows are stored in the tensor's shape, other runs as vectors")
  func storedShapes() {
    let block = Block(rows: 2..<6, columns: 0..<6)
    #expect(TensorPart(block).storedShape(in: [8, 2, 3]) == [4, 2, 3])
    #expect(TensorPart(block, 6..<18).storedShape(in: [8, 6]) == [2, 6])
    #expect(TensorPart(block, 6..<17).storedShape(in: [8, 6]) == [11])
    #expect(TensorPart(Block(rows: 2..<6, columns: 1..<4)).storedShape(in: [8, 2, 3]) == [4, 3])
    #expect(TensorPart(Block(rows: 2..<6, columns: 0..<1), 1..<3).storedShape(in: [8]) == [2])
  }
}
