import Files
import Foundation
import Tensors
import Testing
import Topology

@testable import Checkpoints

@Suite struct SafetensorsSetTests {
  private let device = Device(threads: 1)

  /// A directory of two shards and their index: `a` [4, 3] and `b` [5] in the first, `c` [2, 2] in the second.
  private func shards(_ scratch: Scratch) throws -> String {
    let numbers = Tensor((0..<12).map(Float.init), [4, 3], on: device)
    try SafetensorsWriter.write(
      scratch.file("x-1.safetensors"),
      [NamedTensor("a", numbers), NamedTensor("b", Tensor([1, 2, 3, 4, 5] as [Float], [5], on: device))])
    try SafetensorsWriter.write(
      scratch.file("x-2.safetensors"),
      [NamedTensor("c", Tensor([6, 7, 8, 9] as [Float], [2, 2], on: device))])
    try index(["a": "x-1.safetensors", "b": "x-1.safetensors", "c": "x-2.safetensors"], scratch)
    return scratch.path
  }

  private func index(_ map: [String: String], _ scratch: Scratch) throws {
    let json = try JSONSerialization.data(withJSONObject: [
      "metadata": ["total_size": 84.0], "weight_map": map,
    ])
    try json.write(to: URL(filePath: scratch.file(SafetensorsSet.indexName)))
  }

  @Test("shards and their index are one set; any run of elements is read")
  func reading() throws {
    let scratch = try Scratch()
    let set = try SafetensorsSet(directory: shards(scratch))
    #expect(set.tensors.mapValues(\.shape) == ["a": [4, 3], "b": [5], "c": [2, 2]])
    var elements = [Float](repeating: 0, count: 3)
    try elements.withUnsafeMutableBytes { try set.read("a", 4..<7, into: $0) }
    #expect(elements == [4, 5, 6])
    #expect(throws: CheckpointFailure.self) {
      try elements.withUnsafeMutableBytes { try set.read("a", 10..<13, into: $0) }
    }
    #expect(throws: CheckpointFailure.self) {
      try elements.withUnsafeMutableBytes { try set.read("d", 0..<1, into: $0) }
    }
  }

  @Test("an index that does not say what the shards hold is refused, and says where it is wrong")
  func badIndex() throws {
    let scratch = try Scratch()
    let path = try shards(scratch)
    let good = ["a": "x-1.safetensors", "b": "x-1.safetensors", "c": "x-2.safetensors"]
    for (change, words) in [
      (["c": "x-3.safetensors"], "names the shard \"x-3.safetensors\", which is not there"),
      (
        ["b": "x-2.safetensors"],
        "says that tensor \"b\" is in \"x-2.safetensors\", found it in x-1.safetensors"
      ),
      (
        ["d": "x-2.safetensors"], "says that tensor \"d\" is in x-2.safetensors, which has it not among its 1"
      ),
      (["c": "../x-2.safetensors"], "expected a *.safetensors file beside it"),
      (["c": "/etc/passwd"], "expected a *.safetensors file beside it"),
      (["c": ".safetensors"], "expected a *.safetensors file beside it"),
    ] {
      try index(good.merging(change) { $1 }, scratch)
      let failure = try #require(throws: CheckpointFailure.self) { try SafetensorsSet(directory: path) }
      #expect(failure.reason.contains(words), "\(failure)")
    }
    try index(["a": "x-1.safetensors", "c": "x-2.safetensors"], scratch)
    let stray = try #require(throws: CheckpointFailure.self) { try SafetensorsSet(directory: path) }
    #expect(stray.reason.contains("tensor \"b\" is in no shard, found it in x-1.safetensors"))
    for text in ["", "[]", "{}", "{\"weight_map\": {}}", "{\"weight_map\": {\"a\": 1}}"] {
      _ = try scratch.write(Array(text.utf8), to: SafetensorsSet.indexName)
      let failure = try #require(throws: CheckpointFailure.self) { try SafetensorsSet(directory: path) }
      #expect(failure.reason.contains("is no index"))
    }
  }

  @Test("matrices turn whatever their size and element", arguments: [1, 2, 4, 8])
  func transposition(size: Int) {
    for (rows, columns) in [(1, 1), (3, 70), (65, 33), (0, 4)] {
      let source = (0..<rows * columns * size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      var target = [UInt8](repeating: 0, count: columns * (rows + 2) * size)
      target.withUnsafeMutableBytes { target in
        source.withUnsafeBytes {
          Transposition(rows: rows, columns: columns, elementSize: size).copy(
            $0, into: target, stride: rows + 2)
        }
      }
      for row in 0..<rows {
        for column in 0..<columns {
          let from = (row * columns + column) * size, to = (column * (rows + 2) + row) * size
          #expect(source[from..<from + size].elementsEqual(target[to..<to + size]))
        }
      }
    }
  }

  /// The parameters `p` [4, 5] and `q` [2, 5] in the rows of one stored tensor, p's second half first; turned or not.
  private func reader(_ scratch: Scratch, isTransposed: Bool) throws -> ParameterReader {
    let stored = isTransposed ? [5, 6] : [6, 5]
    try SafetensorsWriter.write(
      scratch.file("model.safetensors"),
      [NamedTensor("x", Tensor((0..<30).map(Float.init), Shape(stored), on: device))])
    let tensor = LaidOutTensor(
      "x", [.init("p", 2..<4), .init("q", rows: 2), .init("p", 0..<2)], columns: 5, isTransposed: isTransposed
    )
    return try ParameterReader(SafetensorsSet(directory: scratch.path), TensorLayout([tensor]))
  }

  @Test("any block of a parameter is read from wherever its rows lie", arguments: [false, true])
  func blocks(isTransposed: Bool) throws {
    let scratch = try Scratch()
    let reader = try reader(scratch, isTransposed: isTransposed)
    #expect(reader.parameters.mapValues(\.shape) == ["p": [4, 5], "q": [2, 5]])
    func element(_ row: Int, _ column: Int) -> Float {
      Float(isTransposed ? column * 6 + row : row * 5 + column)
    }
    let places = ["p": [4, 5, 0, 1], "q": [2, 3]]
    for (name, rows) in places {
      for firstRow in rows.indices {
        for rowEnd in firstRow + 1...rows.count {
          for columns in [0..<5, 2..<4, 4..<5] {
            let block = Block(rows: firstRow..<rowEnd, columns: columns)
            for type in [DType.f32, .bf16] {
              let target = Tensor(uninitialized: Shape(block.count), type, on: device)
              try reader.read(name, block, of: [rows.count, 5], into: target)
              let floats = Tensor(uninitialized: Shape(block.count), on: device)
              if type == .f32 { floats.copyRows(from: target) } else { floats.convert(from: target) }
              #expect(
                floats.floats == block.rows.flatMap { row in block.columns.map { element(rows[row], $0) } })
            }
          }
        }
      }
    }
    #expect(throws: CheckpointFailure.self) {
      try reader.read("p", Block(rows: 3, columns: 5), of: [3, 5], into: Tensor(zeros: [3, 5], on: device))
    }
  }

  @Test("one layout is written from another, and in parts of it", arguments: [false, true], [false, true])
  func writing(from: Bool, to: Bool) throws {
    let scratch = try Scratch()
    let reader = try reader(scratch, isTransposed: from)
    let layout = TensorLayout([
      LaidOutTensor("qp", [.init("q", rows: 2), .init("p", 1..<3)], columns: 5, isTransposed: to)
    ])
    try Folder.create(scratch.file("out"))
    var done: [Int] = []
    try reader.write(layout, to: scratch.file("out")) { done.append($0) }
    #expect(done.last == 80)
    #expect(try reader.byteCount(of: layout) == 80)
    let back = try ParameterReader(
      SafetensorsSet(directory: scratch.file("out")),
      TensorLayout([LaidOutTensor("qp", [.init("x", rows: 4)], columns: 5, isTransposed: to)]))
    let x = Tensor(zeros: [4, 5], on: device)
    try back.read("x", Block(rows: 4, columns: 5), of: [4, 5], into: x)
    var expected: [Float] = []
    for row in [2, 3, 5, 0] {
      for column in 0..<5 { expected.append(Float(from ? column * 6 + row : row * 5 + column)) }
    }
    #expect(x.floats == expected)
  }

  @Test("parts of one parameter in two types are refused; a tensor of two types is written as f32")
  func mixedTypes() throws {
    let scratch = try Scratch()
    let half = Tensor(uninitialized: [2, 2], .bf16, on: device)
    half.convert(from: Tensor([1, 2, 3, 4] as [Float], [2, 2], on: device))
    try SafetensorsWriter.write(
      scratch.file("model.safetensors"),
      [NamedTensor("a", half), NamedTensor("b", Tensor([5, 6, 7, 8] as [Float], [2, 2], on: device))])
    let set = try SafetensorsSet(directory: scratch.path)
    let failure = #expect(throws: CheckpointFailure.self) {
      try ParameterReader(
        set,
        TensorLayout([
          LaidOutTensor("a", [.init("p", 0..<2)], columns: 2),
          LaidOutTensor("b", [.init("p", 2..<4)], columns: 2),
        ]))
    }
    #expect(failure?.reason.contains("one part of p as BF16 and one as F32") == true)
    let reader = try ParameterReader(set, TensorLayout(namesOf: set))
    try Folder.create(scratch.file("out"))
    try reader.write(
      TensorLayout([
        LaidOutTensor("ab", [.init("a", rows: 2), .init("b", rows: 2)], columns: 2, isTransposed: true)
      ]),
      to: scratch.file("out"))
    let out = try SafetensorsSet(directory: scratch.file("out"))
    #expect(out.tensors["ab"] == TensorForm(.f32, [2, 4]))
    var elements = [Float](repeating: 0, count: 8)
    try elements.withUnsafeMutableBytes { try out.read("ab", 0..<8, into: $0) }
    #expect(elements == [1, 3, 5, 7, 2, 4, 6, 8])
  }
}
