import FoundationEssentials
import Tensors
import Testing
import Topology

@testable import Checkpoints

@Suite struct MergeTests {
  private let mesh = Mesh(tensor: 2, pipeline: 2, data: 2)

  private func saved(_ scratch: Scratch) throws -> Checkpoint {
    let errors = MeshCheckpointTests.save(mesh, to: scratch.file("run"), shardLimit: 500)
    #expect(errors.allSatisfy { $0 == nil }, "\(errors)")
    return try #require(try CheckpointStore(scratch.file("run")).latest())
  }

  @Test("a merged checkpoint is one rank's, bit for bit, whatever its shards", arguments: [400, 1 << 30])
  func merge(shardLimit: Int) throws {
    let scratch = try Scratch()
    let checkpoint = try saved(scratch)
    var progress: [Int] = []
    let merged = try checkpoint.merge(into: scratch.file("a/merged/"), shardLimit: shardLimit) {
      progress.append($0)
    }
    #expect(progress.last == checkpoint.manifest.tensorBytes)
    #expect(merged.path == scratch.file("a/merged"))
    #expect(merged.manifest.ranks == 1)
    #expect(merged.damages().isEmpty)
    #expect(try merged.state("position.json") == "{\"step\":1}")
    if shardLimit == 1 << 30 { #expect(merged.manifest.shards.map(\.name) == ["shard-00001.safetensors"]) }
    for mesh in [Mesh(), mesh] { try MeshCheckpointTests.expectRestores(merged, on: mesh, seed: 1) }
    let reader = CheckpointReader(checkpoint)
    for (name, shape) in MeshModel.tensors {
      let expected = MeshModel.values(name, shape, seed: 1)
      #expect(try reader.bytes(of: name) == expected.withUnsafeBytes { Array($0) })
      #expect(try reader.bytes(of: name, 2..<5) == expected[2..<5].withUnsafeBytes { Array($0) })
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.file("a")) == ["merged"])
  }

  @Test("a checkpoint of many ranks is read as one source of tensors, a run of elements at a time")
  func tensorSource() throws {
    let scratch = try Scratch()
    let checkpoint = try saved(scratch)
    let source: any TensorSource = CheckpointReader(checkpoint)
    #expect(source.tensors.count == MeshModel.tensors.count)
    for (name, shape) in MeshModel.tensors {
      let expected = MeshModel.values(name, shape, seed: 1)
      for range in [0..<expected.count, 3..<expected.count - 1, 2..<5] {
        var floats = [Float](repeating: 0, count: range.count)
        try floats.withUnsafeMutableBytes { try source.read(name, range, into: $0) }
        #expect(floats == Array(expected[range]), "\(name) \(range)")
      }
      source.release(name)
    }
    var none: [UInt8] = []
    let failure = #expect(throws: CheckpointFailure.self) {
      try none.withUnsafeMutableBytes { try source.read("nothing", 0..<0, into: $0) }
    }
    #expect(failure?.reason.hasPrefix("has no tensor \"nothing\"") == true)
  }

  @Test("a merge overwrites nothing and leaves nothing where a shard is damaged")
  func refusals() throws {
    let scratch = try Scratch()
    let checkpoint = try saved(scratch)
    let taken = try scratch.write([1], to: "taken")
    let failure = #expect(throws: CheckpointFailure.self) { try checkpoint.merge(into: taken) }
    #expect(failure?.description == "\(taken): is there already; name a new place, or move it away")
    #expect(try bytes(taken) == [1])
    #expect(checkpoint.damages().isEmpty)
    var damaged: [String] = []
    for name in ["rank-00003-shard-00002.safetensors", "rank-00006-shard-00001.safetensors", "position.json"]
    {
      let path = "\(checkpoint.path)/\(name)"
      var content = try bytes(path)
      content[content.count / 2] ^= 1
      try Data(content).write(to: URL(filePath: path))
      damaged.append(path)
    }
    var read = 0
    #expect(checkpoint.damages { read = $0 }.map(\.path) == damaged)
    #expect(read == checkpoint.manifest.byteCount)
    #expect(throws: CheckpointFailure.self) { try checkpoint.merge(into: scratch.file("merged")) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["run", "taken"])
  }

  @Test("a checkpoint of version 1 is restored on any mesh, and merged")
  func version1() throws {
    let scratch = try Scratch()
    let old = try Checkpoint(fixture("version1"))
    #expect(old.step == 100 && old.manifest.ranks == 1)
    #expect(old.damages().isEmpty)
    let device = Device(threads: 1)
    for checkpoint in [old, try old.merge(into: scratch.file("merged"))] {
      let w = Tensor(zeros: [6, 2], on: device)
      let b = Tensor(zeros: [3], on: device)
      let e = Tensor(zeros: [2, 2, 2], on: device)
      try checkpoint.restore([NamedTensor("w", w), NamedTensor("b", b), NamedTensor("e", e)])
      #expect(w.floats == (0..<12).map(Float.init))
      #expect(b.floats == [1000, 1001, 1002])
      #expect(e.floats == (0..<8).map { Float(2000 + $0) })
      let column = Tensor(zeros: [3], on: device)
      let block = Block(rows: 2..<6, columns: 1..<2)
      try checkpoint.restore(
        [ShardedTensor("w", column, block: block, range: 1..<4, of: [6, 2])], ignoringOthers: true)
      #expect(column.floats == [7, 9, 11])
    }
  }
}
