import Files
import FoundationEssentials

extension SafetensorsSet {
  /// Writes tensors into `directory`: `model.safetensors`, or, where they have more bytes than `shardLimit`,
  /// `model-00001-of-0000N.safetensors` and so on with `model.safetensors.index.json`. A tensor is never cut: one
  /// larger than the limit has a shard of its own.
  ///
  /// - Parameter append: appends all elements of an entry to a file whose turn they are.
  static func write(
    _ entries: [SafetensorsWriter.Entry], to directory: String, shardLimit: Int?,
    append: (SafetensorsWriter.Entry, SafetensorsWriter) throws -> Void
  ) throws {
    let shards = divide(entries, limit: shardLimit ?? .max)
    var index: [String: String] = [:]
    for (number, shard) in shards.enumerated() {
      let name =
        shards.count == 1
        ? fileName
        : "model-\(ShardFiles.number(number + 1))-of-\(ShardFiles.number(shards.count)).safetensors"
      let file = try SafetensorsWriter("\(directory)/\(name)", shard)
      for entry in file.entries { try append(entry, file) }
      try file.commit()
      for entry in shard { index[entry.name] = name }
    }
    guard shards.count > 1 else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let total = entries.reduce(0) { $0 + $1.byteCount }
    let file = try AtomicFile("\(directory)/\(indexName)")
    try file.write(Array(try encoder.encode(WrittenIndex(metadata: ["total_size": total], weightMap: index))))
    try file.write("\n")
    try file.commit()
  }

  /// As Hugging Face spells it.
  private struct WrittenIndex: Encodable {
    let metadata: [String: Int]
    let weightMap: [String: String]

    enum CodingKeys: String, CodingKey {
      case metadata
      case weightMap = "weight_map"
    }
  }

  /// Runs of entries, in order, whose bytes stay within the limit; at least one.
  private static func divide(
    _ entries: [SafetensorsWriter.Entry], limit: Int
  ) -> [[SafetensorsWriter.Entry]] {
    var shards: [[SafetensorsWriter.Entry]] = [[]]
    var size = 0
    for entry in entries {
      if size > 0, size + entry.byteCount > limit {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1].append(entry)
      size += entry.byteCount
    }
    return shards
  }
}
