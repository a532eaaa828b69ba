import FoundationEssentials
import Testing

@testable import Checkpoints

@Suite struct ManifestTests {
  private var manifest: Manifest {
    Manifest(
      step: 7,
      tensors: [
        .init(
          name: "w", type: .f32, shape: [6, 2],
          slices: [.init(shard: "a", begin: 0, end: 4), .init(shard: "b", begin: 4, end: 6)])
      ],
      shards: [.init(name: "a", bytes: 1, crc32: "00000000"), .init(name: "b", bytes: 1, crc32: "00000000")],
      state: [.init(name: "run.json", bytes: 1, crc32: "00000000")])
  }

  @Test("a manifest is read as it was written")
  func roundTrip() throws {
    let scratch = try Scratch()
    try manifest.write(to: scratch.path)
    #expect(try Manifest(directory: scratch.path) == manifest)
    // And it is JSON for everybody else.
    struct File: Decodable { let crc32: String, manifest: Manifest }
    let data = try Data(contentsOf: URL(filePath: scratch.file("manifest.json")))
    #expect(try JSONDecoder().decode(File.self, from: data).manifest == manifest)
  }

  @Test(
    "a manifest that contradicts itself is refused though its checksum is right", arguments: Contradiction.all
  )
  func contradictions(contradiction: Contradiction) throws {
    let scratch = try Scratch()
    var bad = manifest
    contradiction.change(&bad)
    try bad.write(to: scratch.path)
    let failure = try #require(throws: CheckpointFailure.self) { try Manifest(directory: scratch.path) }
    #expect(failure.reason.contains(contradiction.says), "\(failure)")
  }
}

struct Contradiction: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let says: String
  let change: @Sendable (inout Manifest) -> Void

  init(_ name: String, says: String, change: @escaping @Sendable (inout Manifest) -> Void) {
    testDescription = name
    self.says = says
    self.change = change
  }

  static let all = [
    Contradiction("rows to 4", says: "covers 4 rows of tensor \"w\", expected 6") {
      $0.tensors[0].slices.removeLast()
    },
    Contradiction("a hole", says: "expected rows from 4") { $0.tensors[0].slices[1].begin = 5 },
    Contradiction("an overlap", says: "expected rows from 4") { $0.tensors[0].slices[1].begin = 3 },
    Contradiction("too far", says: "covers 9 rows") { $0.tensors[0].slices[1].end = 9 },
    Contradiction("backwards", says: "rows 4 to 1") { $0.tensors[0].slices[1].end = 1 },
    Contradiction("unknown shard", says: "\"c\"") { $0.tensors[0].slices[1].shard = "c" },
    Contradiction("name twice", says: "tensor \"w\" twice") { $0.tensors.append($0.tensors[0]) },
    Contradiction("negative", says: "impossible shape [-6, 2]") { $0.tensors[0].shape = [-6, 2] },
    Contradiction("overflow", says: "impossible shape") { $0.tensors[0].shape = [6, .max] },
    Contradiction("no shape", says: "impossible shape []") { $0.tensors[0].shape = [] },
    Contradiction("outside", says: "\"../a\"") { $0.shards[0].name = "../a" },
    Contradiction("hidden", says: "\".a\"") { $0.state[0].name = ".a" },
    Contradiction("itself", says: "\"manifest.json\"") { $0.state[0].name = "manifest.json" },
    Contradiction("file twice", says: "\"a\"") { $0.state[0].name = "a" },
    Contradiction("newer", says: "version 2, this Needletail reads needletail-checkpoint up to version 1") {
      $0.version = 2
    },
    Contradiction("other", says: "format \"other\"") { $0.format = "other" },
  ]
}

@Suite struct ShardPlanTests {
  @Test("every row is in one shard, and no shard exceeds the limit but for a single row", arguments: 1...40)
  func plan(limit: Int) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    defer { memory.deallocate() }
    let shapes = [[3, 4], [2, 8], [0, 3], [16], [1, 12], [5, 0], [4, 2]]
    let tensors = shapes.map { shape in
      let count = shape.reduce(1, *)
      return StoredTensor(
        name: "\(shape)", type: .u8, shape: shape,
        bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count]))
    }
    let shards = ShardPlan(tensors, limit: limit).shards
    for (index, tensor) in tensors.enumerated() {
      let pieces = shards.joined().filter { $0.tensor == index }.map(\.rows)
      #expect(pieces.flatMap(Array.init) == Array(0..<tensor.rows))
      #expect(!pieces.isEmpty)
    }
    for shard in shards {
      #expect(Set(shard.map(\.tensor)).count == shard.count)
      let size = shard.reduce(0) { $0 + $1.rows.count * tensors[$1.tensor].bytesPerRow }
      #expect(
        size <= limit || shard.filter { tensors[$0.tensor].bytesPerRow > 0 }.allSatisfy { $0.rows.count == 1 }
      )
    }
    if limit >= 16 { #expect(shards.count < 8) }
  }
}
