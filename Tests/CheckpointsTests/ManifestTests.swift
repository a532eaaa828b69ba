import FoundationEssentials
import Testing
import Topology

@testable import Checkpoints

@Suite struct ManifestTests {
  private static let files = ["a", "b", "c", "d"].map {
    Manifest.File(name: $0, bytes: 48, crc32: "00000000")
  }

  /// Six rows of two in two shards.
  static let ofRows = Manifest(
    step: 7,
    tensors: [
      .init(
        name: "w", type: .f32, shape: [6, 2],
        slices: [
          .init(shard: "a", part: TensorPart(Block(rows: 0..<4, columns: 0..<2))),
          .init(shard: "b", part: TensorPart(Block(rows: 4..<6, columns: 0..<2))),
        ])
    ],
    shards: Array(files.prefix(2)), state: [.init(name: "run.json", bytes: 1, crc32: "00000000")])

  /// The same by two ranks in columns, the first of which is divided further.
  static let ofBlocks = Manifest(
    step: 7, ranks: 2,
    tensors: [
      .init(
        name: "w", type: .f32, shape: [6, 2],
        slices: [
          .init(shard: "a", part: TensorPart(Block(rows: 0..<6, columns: 0..<1), 0..<5)),
          .init(shard: "b", part: TensorPart(Block(rows: 0..<6, columns: 0..<1), 5..<6)),
          .init(shard: "c", part: TensorPart(Block(rows: 0..<2, columns: 1..<2))),
          .init(shard: "d", part: TensorPart(Block(rows: 2..<6, columns: 1..<2))),
        ])
    ],
    shards: files, state: [.init(name: "run.json", bytes: 1, crc32: "00000000")])

  @Test("a manifest is read as it was written, of version 1 where that says everything")
  func roundTrip() throws {
    for (manifest, version) in [(Self.ofRows, 1), (Self.ofBlocks, 2)] {
      let scratch = try Scratch()
      try manifest.write(to: scratch.path)
      #expect(try Manifest(directory: scratch.path) == manifest)
      // And it is JSON for everybody else.
      struct File: Decodable { let crc32: String, manifest: ManifestText }
      let data = try Data(contentsOf: URL(filePath: scratch.file("manifest.json")))
      let text = try JSONDecoder().decode(File.self, from: data).manifest
      #expect(text.version == version)
      #expect(try text.manifest(path: "") == manifest)
    }
  }

  @Test(
    "a manifest that contradicts itself is refused though its checksum is right", arguments: Contradiction.all
  )
  func contradictions(contradiction: Contradiction) throws {
    let scratch = try Scratch()
    var bad = ManifestText(contradiction.isOfBlocks ? Self.ofBlocks : Self.ofRows)
    contradiction.change(&bad)
    try bad.write(to: scratch.file("manifest.json"))
    let failure = try #require(throws: CheckpointFailure.self) { try Manifest(directory: scratch.path) }
    #expect(failure.reason.contains(contradiction.says), "\(failure)")
  }

  @Test("slices are accepted exactly when they cover every element once, whatever their numbers")
  func fuzz() throws {
    var random = SystemRandomNumberGenerator()
    var accepted = 0
    for _ in 0..<4000 {
      var text = ManifestText(Self.ofBlocks)
      text.tensors[0].slices.shuffle(using: &random)
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let index = Int.random(in: 0..<4, using: &random)
        let end = Int.random(in: 0...1, using: &random)
        let extremes = [Int.min, -1, .max, 1 << 62]
        let value = Int.random(in: 0..<4, using: &random) == 0 ? extremes[index] : end * 2 + index
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text.tensors[0].slices[index].rows?[end] = value
        case 1: text.tensors[0].slices[index].columns?[end] = value
        default: text.tensors[0].slices[index].elements = end == 0 ? [value, 6] : [0, value]
        }
      }
      let manifest = try? text.manifest(path: "")
      let isAccepted = manifest.map { (try? $0.check(path: "")) != nil } ?? false
      var covered = [Int](repeating: 0, count: 12)
      for part in manifest?.tensors[0].slices.map(\.part) ?? [] {
        for element in part.range {
          let row = part.block.rows.lowerBound + element / part.block.columns.count
          covered[row * 2 + part.block.columns.lowerBound + element % part.block.columns.count] += 1
        }
      }
      let isCovered = covered.allSatisfy { $0 == 1 }
      // The runs of one block must tile it: a block that is covered by parts of others is refused, too.
      #expect(!isAccepted || isCovered, "\(text.tensors[0].slices)")
      if isAccepted { accepted += 1 }
    }
    #expect(accepted > 1000)
  }

  @Test("thousands of tensors in tens of slices, and one in thirty thousand, are checked in a moment")
  func speed() throws {
    let shards = (0..<64).map { Manifest.File(name: "shard-\($0)", bytes: 1 << 40, crc32: "00000000") }
    let tensors = (0..<2000).map { index in
      Manifest.Entry(
        name: "tensor.\(index)", type: .f32, shape: [1024, 1024],
        slices: (0..<64).map { slice in
          let block = Block(rows: (0..<1024), columns: Range.part(slice / 8, of: 8, count: 1024))
          return .init(
            shard: "shard-\(slice)", part: TensorPart(block, Range.part(slice % 8, of: 8, count: block.count))
          )
        })
    }
    var manifest = Manifest(step: 1, ranks: 64, tensors: tensors, shards: shards, state: [])
    let start = ContinuousClock.now
    try manifest.check(path: "")
    #expect(ContinuousClock.now - start < .seconds(10))
    // Blocks along a diagonal and around it, in whatever order.
    manifest.shards = (0..<30_000).map { .init(name: "\($0)", bytes: 1 << 30, crc32: "00000000") }
    manifest.tensors = [
      .init(
        name: "w", type: .u8, shape: [15_000, 15_000],
        slices: (0..<30_000).map { index in
          let row = index / 2, middle = (row * 7919 + 1) % 15_000
          let columns = index % 2 == 0 ? 0..<middle : middle..<15_000
          return .init(shard: "\(index)", part: TensorPart(Block(rows: row..<row + 1, columns: columns)))
        })
    ]
    try manifest.check(path: "")
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}

struct Contradiction: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let says: String
  let isOfBlocks: Bool
  let change: @Sendable (inout ManifestText) -> Void

  init(
    _ name: String, ofBlocks: Bool = false, says: String,
    change: @escaping @Sendable (inout ManifestText) -> Void
  ) {
    testDescription = name
    isOfBlocks = ofBlocks
    self.says = says
    self.change = change
  }

  static let all =
    rows + blocks + [
      Contradiction("unknown shard", says: "\"c\"") { $0.tensors[0].slices[1].shard = "c" },
      Contradiction("name twice", says: "tensor \"w\" twice") { $0.tensors.append($0.tensors[0]) },
      Contradiction("negative", says: "impossible shape [-6, 2]") { $0.tensors[0].shape = [-6, 2] },
      Contradiction("overflow", says: "impossible shape") { $0.tensors[0].shape = [6, .max] },
      Contradiction("nothing, hugely", says: "impossible shape") { $0.tensors[0].shape = [0, .max, .max] },
      Contradiction("no shape", says: "impossible shape []") { $0.tensors[0].shape = [] },
      Contradiction("outside", says: "\"../a\"") { $0.shards[0].name = "../a" },
      Contradiction("hidden", says: "\".a\"") { $0.state[0].name = ".a" },
      Contradiction("itself", says: "\"manifest.json\"") { $0.state[0].name = "manifest.json" },
      Contradiction("file twice", says: "\"a\"") { $0.state[0].name = "a" },
      Contradiction("no room", says: "tensors of 48 bytes in shards of 1") {
        $0.shards[0].bytes = 0
        $0.shards[1].bytes = 1
      },
      Contradiction("endless", says: "larger than a disk") {
        $0.shards[0].bytes = .max
        $0.shards[1].bytes = .max
      },
      Contradiction("newer", says: "version 3, this Needletail reads needletail-checkpoint up to version 2") {
        $0.version = 3
      },
      Contradiction("other", says: "format \"other\"") { $0.format = "other" },
      Contradiction("no step", says: "claims step -1 of 1 ranks") { $0.step = -1 },
      Contradiction("no ranks", says: "of 0 ranks") { $0.ranks = 0 },
    ]

  private static let rows = [
    Contradiction("rows to 4", says: "covers 8 elements, expected 12, of tensor \"w\"") {
      $0.tensors[0].slices.removeLast()
    },
    Contradiction("a hole", says: "covers 10 elements") { $0.tensors[0].slices[1].begin = 5 },
    Contradiction("an overlap", says: "covers twice what is both in rows") {
      $0.tensors[0].slices[1].begin = 3
    },
    Contradiction("too far", says: "gives rows 4 to 9, of which there are 6, of tensor \"w\"") {
      $0.tensors[0].slices[1].end = 9
    },
    Contradiction("backwards", says: "rows 4 to 1") { $0.tensors[0].slices[1].end = 1 },
    Contradiction("one shard", says: "two slices") { $0.tensors[0].slices[1].shard = "a" },
    Contradiction("half a slice", says: "neither rows nor a block") { $0.tensors[0].slices[1].end = nil },
    Contradiction("both", says: "neither rows nor a block") { $0.tensors[0].slices[1].rows = [4, 6] },
  ]

  private static let blocks = [
    Contradiction("a block less", ofBlocks: true, says: "covers 8 elements") {
      $0.tensors[0].slices.removeLast()
    },
    Contradiction(
      "a run less", ofBlocks: true, says: "does not cover element 5 of rows 0 to 6 and columns 0 to 1"
    ) {
      $0.tensors[0].slices.remove(at: 1)
    },
    Contradiction("a run twice", ofBlocks: true, says: "covers twice element 4") {
      $0.tensors[0].slices[1].elements = [4, 6]
    },
    Contradiction("a hole in a run", ofBlocks: true, says: "does not cover element 0") {
      $0.tensors[0].slices[0].elements = [1, 5]
    },
    Contradiction("blocks overlap", ofBlocks: true, says: "covers twice what is both in") {
      $0.tensors[0].slices[3].rows = [1, 6]
    },
    Contradiction("too wide", ofBlocks: true, says: "columns 1 to 3, of which there are 2,") {
      $0.tensors[0].slices[3].columns = [1, 3]
    },
    Contradiction("negative rows", ofBlocks: true, says: "rows -1 to 6") {
      $0.tensors[0].slices[3].rows = [-1, 6]
    },
    Contradiction("huge", ofBlocks: true, says: "elements 0 to 9223372036854775807, of which there are 6,") {
      $0.tensors[0].slices[0].elements = [0, .max]
    },
    Contradiction("three ends", ofBlocks: true, says: "elements [0, 1, 2]") {
      $0.tensors[0].slices[0].elements = [0, 1, 2]
    },
  ]
}
