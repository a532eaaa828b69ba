import FoundationEssentials
import Tensors
import Testing
import Topology

@testable import Checkpoints

@Suite struct MeshCheckpointTests {
  static let meshes = [
    Mesh(), Mesh(tensor: 2, pipeline: 2, data: 2), Mesh(tensor: 3, data: 2), Mesh(pipeline: 4), Mesh(data: 5),
    Mesh(tensor: 5),
  ]

  /// Saves the model of `seed` as all ranks of `mesh`; what each rank threw.
  static func save(
    _ mesh: Mesh, to root: String, steps: [Int] = [1], seed: Int = 0, shardLimit: Int = 4 << 30
  ) -> [(any Error)?] {
    Ranks.run(mesh.rankCount) { rank, barrier in
      let device = Device(threads: 1)
      // Its own scope for each rank: rank 0 makes the directory.
      let writer = AsyncCheckpointWriter(
        try CheckpointWriter(root, shardLimit: shardLimit, rank: rank, of: mesh.rankCount))
      for step in steps {
        let held = MeshModel.held(
          by: rank, of: mesh, toSave: true, isFilled: true, seed: seed + step, on: device)
        let state = rank == 0 ? ["position.json": "{\"step\":\(step)}"] : [:]
        try writer.save(step: step, tensors: held, state: state) { barrier.wait() }
        for item in held { item.tensor.fill(-1) }
      }
      try writer.finish()
    }
  }

  /// Restores as every rank of `mesh` and compares every bit.
  static func expectRestores(_ checkpoint: Checkpoint, on mesh: Mesh, seed: Int) throws {
    let device = Device(threads: 1)
    for rank in 0..<mesh.rankCount {
      let targets = MeshModel.held(by: rank, of: mesh, toSave: false, isFilled: false, on: device)
      try checkpoint.restore(targets, ignoringOthers: mesh.pipeline > 1)
      let expected = MeshModel.held(by: rank, of: mesh, toSave: false, isFilled: true, seed: seed, on: device)
      for (target, expected) in zip(targets, expected) {
        #expect(target.tensor.floats == expected.tensor.floats, "\(target.name), rank \(rank) of \(mesh)")
      }
    }
  }

  @Test("what a mesh saves, every other mesh restores to the last bit", arguments: meshes, [400, 1 << 30])
  func restores(mesh: Mesh, shardLimit: Int) throws {
    let scratch = try Scratch()
    let errors = Self.save(mesh, to: scratch.path, steps: [1, 2], shardLimit: shardLimit)
    #expect(errors.allSatisfy { $0 == nil }, "\(errors)")
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    #expect(checkpoint.step == 2)
    #expect(checkpoint.manifest.ranks == mesh.rankCount)
    #expect(try checkpoint.state("position.json") == "{\"step\":2}")
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint.path)
    #expect(
      Set(names)
        == Set((checkpoint.manifest.shards + checkpoint.manifest.state).map(\.name) + ["manifest.json"]))
    for other in Self.meshes { try Self.expectRestores(checkpoint, on: other, seed: 2) }
  }

  @Test("a rank reads the shards that it needs, and is not kept from it by others' damage")
  func needed() throws {
    let scratch = try Scratch()
    let mesh = Mesh(tensor: 2, pipeline: 2, data: 2)
    #expect(Self.save(mesh, to: scratch.path).allSatisfy { $0 == nil })
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    // Of the other stage, and of the other half of each matrix.
    for rank in [5, 1] {
      let shard = "\(checkpoint.path)/rank-0000\(rank)-shard-00001.safetensors"
      try Data(try bytes(shard).dropLast()).write(to: URL(filePath: shard))
    }
    let targets = MeshModel.held(by: 0, of: mesh, toSave: false, isFilled: false, on: Device(threads: 1))
    try checkpoint.restore(targets, ignoringOthers: true)
    let whole = MeshModel.held(by: 0, of: Mesh(), toSave: false, isFilled: false, on: Device(threads: 1))
    let failure = #expect(throws: CheckpointFailure.self) { try checkpoint.restore(whole) }
    #expect(failure?.reason.contains("the file is truncated") == true)
    #expect(whole.allSatisfy { $0.tensor.floats.allSatisfy { $0 == 0 } })
  }

  @Test("replicas divide what they hold alike, and small tensors are the first one's")
  func shares() {
    let device = Device(threads: 1)
    let large = ShardedTensor(NamedTensor("large", Tensor(zeros: [300, 100], on: device)))
    #expect((0..<7).map { large.share($0, of: 7).part.range }.flatMap { Array($0) } == Array(0..<30_000))
    #expect(large.share(2, of: 3).share(0, of: 1).part.range == 20_000..<30_000)
    let small = ShardedTensor(NamedTensor("small", Tensor(zeros: [8], on: device)))
    #expect((0..<3).map { small.share($0, of: 3).part.count } == [8, 0, 0])
  }

  @Test("a tensor of two dtypes or shapes, or held twice or by nobody, makes no checkpoint")
  func inconsistent() throws {
    let whole = Block(rows: 4, columns: 2)
    for (blocks, shapes, says) in [
      ([whole, whole], [[4, 2], [4, 2]], "covers twice element 0"),
      ([whole, Block(rows: 3..<4, columns: 0..<1)], [[4, 2], [4, 2]], "covers twice what is both in"),
      (
        [Block(rows: 0..<1, columns: 0..<2), Block(rows: 2..<4, columns: 0..<2)], [[4, 2], [4, 2]],
        "covers 6 elements"
      ),
      ([whole, whole], [[4, 2], [4, 2, 1]], "as F32 [4, 2] from one rank and F32 [4, 2, 1] from another"),
    ] {
      let scratch = try Scratch()
      let errors = Ranks.run(2) { rank, barrier in
        let block = blocks[rank]
        let tensor = Tensor(zeros: Shape(block.count), on: Device(threads: 1))
        try CheckpointWriter(scratch.path, rank: rank, of: 2).write(
          step: 1, tensors: [ShardedTensor("w", tensor, block: block, of: shapes[rank])]
        ) { barrier.wait() }
      }
      #expect(errors[0].map { "\($0)".contains(says) } == true, "\(errors)")
      #expect(errors[1] == nil)
      #expect(try scratch.contents == [".lock"])
    }
  }
}
