import FoundationEssentials
import Tensors
import Testing
import Topology

@testable import Checkpoints

@Suite struct ModelFileTests {
  private let device = Device(threads: 1)

  /// A checkpoint of eight ranks; every matrix is cut both ways and over several shards.
  private func saved(_ scratch: Scratch) throws -> Checkpoint {
    let mesh = Mesh(tensor: 2, pipeline: 2, data: 2)
    let errors = MeshCheckpointTests.save(mesh, to: scratch.file("run"), shardLimit: 500)
    #expect(errors.allSatisfy { $0 == nil }, "\(errors)")
    return try #require(try CheckpointStore(scratch.file("run")).latest())
  }

  private func isWeight(_ name: String) -> Bool { !name.hasPrefix("mean.") && !name.hasPrefix("square.") }

  private func floats(_ name: String, _ shape: [Int], in file: SafetensorsFile) throws -> [Float] {
    let tensor = Tensor(zeros: Shape(shape), on: device)
    try file.read(name, into: tensor)
    return tensor.floats
  }

  @Test("the weights of many ranks become one file, whole, to the last bit")
  func weights() throws {
    let scratch = try Scratch()
    let path = scratch.file("model.safetensors")
    try saved(scratch).writeSafetensors(to: path, where: isWeight)
    let file = try SafetensorsFile(path)
    let weights = MeshModel.tensors.filter { isWeight($0.name) }
    #expect(Set(file.tensors.keys) == Set(weights.map(\.name)))
    for (name, shape) in weights {
      #expect(try floats(name, shape, in: file) == MeshModel.values(name, shape, seed: 1), "\(name)")
    }
  }

  @Test("a conversion sees each f32 tensor once and whole, and what it leaves is written")
  func conversion() throws {
    let scratch = try Scratch()
    let path = scratch.file("model.safetensors")
    var counts: [Int] = []
    try saved(scratch).writeSafetensors(to: path, where: isWeight) { x in
      counts.append(x.count)
      let rounded = Tensor(uninitialized: x.shape, .bf16, on: x.device)
      rounded.convert(from: x)
      x.convert(from: rounded)
    }
    let weights = MeshModel.tensors.filter { isWeight($0.name) }
    #expect(counts.sorted() == weights.map { $0.shape.reduce(1, *) }.sorted())
    let file = try SafetensorsFile(path)
    for (name, shape) in weights {
      // bf16 is the upper half of f32, rounded to the nearest, ties to even.
      let expected = MeshModel.values(name, shape, seed: 1).map { value in
        let bits = value.bitPattern
        return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
      }
      #expect(expected != MeshModel.values(name, shape, seed: 1), "the type must lose something of \(name)")
      #expect(try floats(name, shape, in: file) == expected, "\(name)")
    }
  }

  @Test("tensors of other types than f32 pass a conversion by")
  func otherTypes() throws {
    let scratch = try Scratch()
    let half = Tensor(uninitialized: [4, 2], .bf16, on: device)
    half.convert(from: Tensor((0..<8).map(Float.init), [4, 2], on: device))
    let ids = Tensor([3, 1, 4] as [Int32], [3], on: device)
    let zero = Tensor(zeros: [2], on: device)
    let writer = try CheckpointWriter(scratch.file("run"))
    let path = try writer.write(
      step: 7, tensors: [NamedTensor("ids", ids), NamedTensor("half", half), NamedTensor("zero", zero)])
    try Checkpoint(path).writeSafetensors(to: scratch.file("x"), where: { _ in true }) { $0.fill(5) }
    let file = try SafetensorsFile(scratch.file("x"))
    #expect(file.tensors["half"]?.type == .bf16 && file.tensors["ids"]?.type == .i32)
    #expect(try floats("half", [4, 2], in: file) == (0..<8).map(Float.init))
    #expect(try file.integers("ids") == [3, 1, 4])
    #expect(try floats("zero", [2], in: file) == [5, 5])
  }

  @Test("where a shard is damaged or nothing is wanted, the file that was there stays")
  func refusals() throws {
    let scratch = try Scratch()
    let checkpoint = try saved(scratch)
    let path = try scratch.write([1, 2, 3], to: "model.safetensors")
    let empty = #expect(throws: CheckpointFailure.self) {
      try checkpoint.writeSafetensors(to: path, where: { _ in false })
    }
    #expect(
      empty?.description
        == "\(checkpoint.path): has none of the tensors to write to \(path) among its "
        + "\(MeshModel.tensors.count)")
    let shard = "\(checkpoint.path)/rank-00003-shard-00002.safetensors"
    var content = try bytes(shard)
    content[content.count - 1] ^= 1
    try Data(content).write(to: URL(filePath: shard))
    for converting in [nil, { (x: Tensor) in x.fill(0) }] {
      let damage = #expect(throws: CheckpointFailure.self) {
        try checkpoint.writeSafetensors(to: path, where: { _ in true }, converting: converting)
      }
      #expect(damage?.path == shard)
      #expect(damage?.reason.hasPrefix("the file is damaged: its checksum is") == true)
    }
    #expect(try bytes(path) == [1, 2, 3])
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
    #expect(names.sorted() == ["model.safetensors", "run"])
  }
}
