/// What a checkpoint holds: which rows of which tensor lie in which shard, and what every file must weigh.
package struct Manifest: Codable, Sendable, Equatable {
  /// A tensor as the whole model sees it, however many shards it is spread over.
  package struct Entry: Codable, Sendable, Equatable {
    package var name: String
    package var type: StoredType
    package var shape: [Int]
    /// In the order of their rows, which cover the tensor exactly once.
    package var slices: [Slice]

    /// The size of the first dimension.
    package var rows: Int { shape.first ?? 0 }
  }

  /// Rows `begin..<end`, counted along the first dimension, as a tensor of the same name in `shard`.
  package struct Slice: Codable, Sendable, Equatable {
    package var shard: String
    package var begin: Int
    package var end: Int
  }

  package struct File: Codable, Sendable, Equatable {
    package var name: String
    package var bytes: Int
    /// The CRC-32 of its bytes, in eight hexadecimal digits.
    package var crc32: String
  }

  static let format = "needletail-checkpoint"
  static let version = 1
  static let fileName = "manifest.json"

  package var format = Self.format
  package var version = Self.version
  package var step: Int
  package var tensors: [Entry]
  package var shards: [File]
  /// Files of the run's state, which the checkpoint keeps and does not read.
  package var state: [File]

  /// Throws unless every tensor is covered by slices of shards that are listed, and every name is a plain one.
  func check(path: String) throws(CheckpointFailure) {
    var files: Set<String> = [Self.fileName]
    for file in shards + state {
      guard Self.isPlain(file.name), files.insert(file.name).inserted, file.bytes >= 0 else {
        throw CheckpointFailure(
          path, "lists the file \(file.name.quotedBriefly), which cannot be one of its own")
      }
    }
    let shardNames = Set(shards.map(\.name))
    var names: Set<String> = []
    for tensor in tensors {
      let name = tensor.name.quotedBriefly
      guard names.insert(tensor.name).inserted else {
        throw CheckpointFailure(path, "lists tensor \(name) twice")
      }
      guard !tensor.shape.isEmpty, tensor.type.byteCount(shape: tensor.shape) != nil else {
        throw CheckpointFailure(path, "gives tensor \(name) the impossible shape \(tensor.shape)")
      }
      var row = 0
      for slice in tensor.slices {
        guard slice.begin == row, slice.end >= row, shardNames.contains(slice.shard) else {
          throw CheckpointFailure(
            path,
            "gives rows \(slice.begin) to \(slice.end) of tensor \(name) in \(slice.shard.quotedBriefly), "
              + "expected rows from \(row) in a listed shard")
        }
        row = slice.end
      }
      guard row == tensor.rows else {
        throw CheckpointFailure(path, "covers \(row) rows of tensor \(name), expected \(tensor.rows)")
      }
    }
  }

  /// Whether a name stays within its directory and is seen there.
  static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }
}
