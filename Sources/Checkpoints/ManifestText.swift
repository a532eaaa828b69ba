import Topology

/// A manifest as its JSON spells it.
///
/// Version 1 knows slices of whole rows, `begin` to `end` of the tensor's. Version 2 adds `rows` and `columns`, a
/// block of the tensor's matrix, with `elements`, a run of that block's row-major elements, where it is not all of
/// them. It writes version 1 where that says everything.
struct ManifestText: Codable {
  struct Entry: Codable {
    var name: String
    var type: StoredType
    var shape: [Int]
    var slices: [Slice]
  }

  struct Slice: Codable {
    var shard: String
    var begin: Int?
    var end: Int?
    var rows: [Int]?
    var columns: [Int]?
    var elements: [Int]?
  }

  static let format = "needletail-checkpoint"
  static let version = 2

  var format = Self.format
  var version: Int
  var step: Int
  var ranks: Int?
  var tensors: [Entry]
  var shards: [Manifest.File]
  var state: [Manifest.File]

  init(_ manifest: Manifest) {
    let isOfRows = manifest.ranks == 1 && manifest.tensors.allSatisfy { $0.slices.allSatisfy($0.isOfRows) }
    version = isOfRows ? 1 : Self.version
    step = manifest.step
    ranks = isOfRows ? nil : manifest.ranks
    shards = manifest.shards
    state = manifest.state
    tensors = manifest.tensors.map { tensor in
      Entry(
        name: tensor.name, type: tensor.type, shape: tensor.shape,
        slices: tensor.slices.map { isOfRows ? Slice(rowsOf: $0) : Slice($0) })
    }
  }

  /// The manifest, of which every number is in its bounds. Throws the first that is not.
  func manifest(path: String) throws(CheckpointFailure) -> Manifest {
    let ranks = ranks ?? 1
    guard step >= 0, ranks > 0 else {
      throw CheckpointFailure(path, "claims step \(step) of \(ranks) ranks, which cannot be")
    }
    var entries: [Manifest.Entry] = []
    for tensor in tensors {
      guard tensor.type.byteCount(shape: tensor.shape) != nil,
        let matrix = TensorPart.matrix(of: tensor.shape)
      else {
        throw CheckpointFailure(
          path, "gives tensor \(tensor.name.quotedBriefly) the impossible shape \(tensor.shape.prefix(8))")
      }
      var slices: [Manifest.Slice] = []
      for slice in tensor.slices {
        do throws(Problem) {
          slices.append(.init(shard: slice.shard, part: try slice.part(of: matrix)))
        } catch {
          throw CheckpointFailure(
            path,
            "gives \(error.description) of tensor \(tensor.name.quotedBriefly), \(tensor.shape), in "
              + slice.shard.quotedBriefly)
        }
      }
      entries.append(.init(name: tensor.name, type: tensor.type, shape: tensor.shape, slices: slices))
    }
    return Manifest(step: step, ranks: ranks, tensors: entries, shards: shards, state: state)
  }

  /// Numbers that cannot be what they should be.
  struct Problem: Error { let description: String }
}

extension ManifestText.Slice {
  init(rowsOf slice: Manifest.Slice) {
    let part = slice.part
    let width = max(part.block.columns.count, 1)
    shard = slice.shard
    begin = part.block.rows.lowerBound + part.range.lowerBound / width
    end = part.block.rows.lowerBound + part.range.upperBound / width
  }

  init(_ slice: Manifest.Slice) {
    let part = slice.part
    shard = slice.shard
    rows = [part.block.rows.lowerBound, part.block.rows.upperBound]
    columns = [part.block.columns.lowerBound, part.block.columns.upperBound]
    elements = part.count == part.block.count ? nil : [part.range.lowerBound, part.range.upperBound]
  }

  fileprivate func part(of matrix: Block) throws(ManifestText.Problem) -> TensorPart {
    if let begin, let end, rows == nil, columns == nil, elements == nil {
      return TensorPart(
        Block(rows: try Self.range("rows", [begin, end], in: matrix.rows), columns: matrix.columns))
    }
    guard begin == nil, end == nil, let rows, let columns else {
      throw .init(description: "neither rows nor a block")
    }
    let block = Block(
      rows: try Self.range("rows", rows, in: matrix.rows),
      columns: try Self.range("columns", columns, in: matrix.columns))
    guard let elements else { return TensorPart(block) }
    return TensorPart(block, try Self.range("elements", elements, in: 0..<block.count))
  }

  private static func range(
    _ kind: String, _ ends: [Int], in bounds: Range<Int>
  ) throws(ManifestText.Problem) -> Range<Int> {
    guard ends.count == 2, bounds.lowerBound <= ends[0], ends[0] <= ends[1], ends[1] <= bounds.upperBound
    else {
      let got = ends.count == 2 ? "\(ends[0]) to \(ends[1])" : "\(ends.prefix(4))"
      throw .init(description: "\(kind) \(got), of which there are \(bounds.count),")
    }
    return ends[0]..<ends[1]
  }
}

extension Manifest.Entry {
  /// Whether version 1 can say what this slice is.
  fileprivate func isOfRows(_ slice: Manifest.Slice) -> Bool {
    let part = slice.part
    return part.block.columns.count == shape.dropFirst().reduce(1, *)
      && part.storedShape(in: shape).count == shape.count
  }
}
