import Topology

/// What a checkpoint holds: which elements of which tensor lie in which shard, and what every file must weigh.
package struct Manifest: Sendable, Equatable {
  /// A tensor as the whole model sees it, however many ranks and shards it is spread over.
  package struct Entry: Sendable, Equatable {
    package var name: String
    package var type: StoredType
    package var shape: [Int]
    /// They cover the tensor exactly once.
    package var slices: [Slice]

    /// Elements of the whole tensor.
    package var count: Int { shape.reduce(1, *) }
    package var byteCount: Int { count * type.size }
    /// The blocks of its matrix that the slices are of.
    package var blocks: Set<Block> { Set(slices.map(\.part.block)) }
  }

  /// Some elements of a tensor, as a tensor of the same name in `shard`.
  package struct Slice: Sendable, Equatable {
    package var shard: String
    package var part: TensorPart
  }

  package struct File: Codable, Sendable, Equatable {
    package var name: String
    package var bytes: Int
    /// The CRC-32 of its bytes, in eight hexadecimal digits.
    package var crc32: String
  }

  static let fileName = "manifest.json"

  package var step: Int
  /// How many ranks wrote it.
  package var ranks = 1
  package var tensors: [Entry]
  package var shards: [File]
  /// Files of the run's state, which the checkpoint keeps and does not read.
  package var state: [File]

  /// Bytes of all files but the manifest.
  package var byteCount: Int { (shards + state).reduce(0) { $0 + $1.bytes } }
  /// Bytes of all tensors' elements.
  package var tensorBytes: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// Whether a name stays within its directory and is seen there.
  static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }
}
