import FoundationEssentials
import Tensors
import Testing
import Topology

@testable import Checkpoints

/// A small model's tensors, different for every seed.
func makeTensors(seed: Int, on device: Device) -> [NamedTensor] {
  [("embedding", [50, 8]), ("bias", [8]), ("mean", [408])].enumerated().map { index, item in
    let tensor = Tensor(uninitialized: Shape(item.1), on: device)
    tensor.fillNormal(deviation: 1, key: UInt64(seed * 10 + index))
    return NamedTensor(item.0, tensor)
  }
}

func zeros(like tensors: [NamedTensor]) -> [NamedTensor] {
  tensors.map { NamedTensor($0.name, Tensor(zeros: $0.tensor.shape, on: $0.tensor.device)) }
}

func expectSameBits(_ a: [NamedTensor], _ b: [NamedTensor]) {
  for (x, y) in zip(a, b) {
    #expect(x.tensor.floats.map(\.bitPattern) == y.tensor.floats.map(\.bitPattern), "\(x.name)")
  }
}

@Suite struct CheckpointTests {
  private let device = Device(threads: 2)

  @Test(
    "what is saved is restored to the last bit, however it is cut into shards",
    arguments: [32, 100, 1000, 1 << 30])
  func roundTrip(shardLimit: Int) throws {
    let scratch = try Scratch()
    let tensors = makeTensors(seed: 1, on: device)
    let writer = try CheckpointWriter(scratch.path, shardLimit: shardLimit)
    let path = try writer.write(step: 100, tensors: tensors, state: ["run.json": "{\"seed\": 1}", "b": ""])
    #expect(path == scratch.file("step-00000100"))
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    #expect(checkpoint.step == 100)
    #expect(try checkpoint.state("run.json") == "{\"seed\": 1}")
    #expect(try checkpoint.state("b") == "")
    // 1,600 + 32 + 1,632 bytes.
    #expect(checkpoint.manifest.shards.count == [32: 102, 100: 34, 1000: 4, 1 << 30: 1][shardLimit])
    let restored = zeros(like: tensors)
    try checkpoint.restore(restored)
    expectSameBits(tensors, restored)
  }

  @Test("types other than f32 are kept as they are")
  func types() throws {
    let scratch = try Scratch()
    let half = Tensor(uninitialized: [3, 2], .bf16, on: device)
    half.convert(from: Tensor([1, 2, 3, 4, 5, 6] as [Float], [3, 2], on: device))
    let ids = Tensor([1, -2] as [Int32], [2], on: device)
    try CheckpointWriter(scratch.path).write(
      step: 1, tensors: [NamedTensor("half", half), NamedTensor("ids", ids)])
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    let wide = Tensor(uninitialized: [3, 2], on: device)
    let same = Tensor(uninitialized: [2], .i32, on: device)
    try checkpoint.restore([NamedTensor("half", wide), NamedTensor("ids", same)])
    #expect(wide.floats == [1, 2, 3, 4, 5, 6])
    #expect(same.integers == [1, -2])
    #expect(throws: CheckpointFailure.self) {
      try checkpoint.restore([NamedTensor("ids", Tensor(zeros: [2], on: device))], ignoringOthers: true)
    }
  }

  @Test("a rank restores its rows, whatever the shards were", arguments: [100, 1 << 30])
  func rows(shardLimit: Int) throws {
    let scratch = try Scratch()
    let tensors = makeTensors(seed: 1, on: device)
    try CheckpointWriter(scratch.path, shardLimit: shardLimit).write(step: 1, tensors: tensors)
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    let whole = tensors[0].tensor.floats
    for rows in [0..<25, 25..<50, 3..<4, 7..<7] where !rows.isEmpty {
      let part = Tensor(zeros: Shape(rows.count, 8), on: device)
      try checkpoint.restore(
        [ShardedTensor("embedding", part, block: Block(rows: rows, columns: 0..<8), of: [50, 8])],
        ignoringOthers: true)
      #expect(part.floats == Array(whole[rows.lowerBound * 8..<rows.upperBound * 8]))
    }
  }

  @Test("tensors that are missing, extra or of another shape are named, and nothing is touched")
  func mismatch() throws {
    let scratch = try Scratch()
    try CheckpointWriter(scratch.path).write(step: 1, tensors: makeTensors(seed: 1, on: device))
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    let targets = [
      NamedTensor("embedding", Tensor(zeros: [50, 9], on: device)),
      NamedTensor("head", Tensor(zeros: [8], on: device)),
      NamedTensor("bias", Tensor(zeros: [8], on: device)),
    ]
    let failure = #expect(throws: CheckpointFailure.self) { try checkpoint.restore(targets) }
    #expect(
      failure?.reason == "the checkpoint does not fit the model: it lacks head; it has mean, which the model "
        + "has not; embedding is F32 [50, 8], expected F32 [50, 9]; use the recipe it was made with")
    #expect(targets[2].tensor.floats.allSatisfy { $0 == 0 })
    try checkpoint.restore([targets[2]], ignoringOthers: true)
    #expect(targets[2].tensor.floats.contains { $0 != 0 })
    let unknown = #expect(throws: CheckpointFailure.self) { try checkpoint.state("x") }
    #expect(unknown?.reason == "has no state \"x\", only []")
  }

  @Test("a damaged, truncated or absent shard is named and the good checkpoint before it offered")
  func damage() throws {
    let scratch = try Scratch()
    let writer = try CheckpointWriter(scratch.path, shardLimit: 1000)
    let tensors = makeTensors(seed: 1, on: device)
    for step in [10, 20, 30, 40] {
      try writer.write(step: step, tensors: tensors, state: ["run.json": "{}"])
    }
    // 10 goes by the policy, 20 stays good; 30 and 40 get damaged.
    let store = CheckpointStore(scratch.path)
    #expect(try store.scan().checkpoints.map(\.step) == [40, 30, 20])
    let shard = scratch.file("step-00000040/shard-00002.safetensors")
    let good = try bytes(shard)
    let state = scratch.file("step-00000030/run.json")
    try Data([0x7B, 0x7C]).write(to: URL(filePath: state))
    let restored = zeros(like: tensors)
    for (bad, words) in [
      (good[..<(good.count - 3)] + [], "truncated"),
      (Array(good.dropLast()) + [good[good.count - 1] ^ 1], "checksum"),
      (good + [0], "damaged"), (nil, "no such file"),
    ] as [([UInt8]?, String)] {
      if let bad {
        try Data(bad).write(to: URL(filePath: shard))
      } else {
        try FileManager.default.removeItem(atPath: shard)
      }
      let latest = try #require(try store.latest())
      let failure = try #require(throws: CheckpointFailure.self) { try latest.restore(restored) }
      #expect(failure.path == shard)
      #expect(failure.reason.contains(words), "\(failure)")
      #expect(
        failure.reason.contains(
          "; the newest good checkpoint before it is \(scratch.file("step-00000020")):"), "\(failure)")
    }
    #expect(restored.allSatisfy { $0.tensor.floats.allSatisfy { $0 == 0 } })
    let broken = try Checkpoint(scratch.file("step-00000030") + "/")
    let failure = #expect(throws: CheckpointFailure.self) { try broken.state("run.json") }
    #expect(
      failure?.reason.contains("the file is damaged: its checksum is") == true,
      "\(String(describing: failure))")
    try Checkpoint(scratch.file("step-00000020")).restore(restored)
    expectSameBits(tensors, restored)
    try Data([0x7B, 0x7C]).write(to: URL(filePath: scratch.file("step-00000020/run.json")))
    let alone = #expect(throws: CheckpointFailure.self) { try broken.state("run.json") }
    #expect(alone?.reason.hasSuffix("there is no good checkpoint before it") == true)
  }

  @Test("a manifest with any byte changed is refused, listed as damaged and passed over")
  func damagedManifest() throws {
    let scratch = try Scratch()
    let writer = try CheckpointWriter(scratch.path)
    try writer.write(step: 1, tensors: [ShardedTensor]())
    try writer.write(step: 2, tensors: makeTensors(seed: 1, on: device))
    let path = scratch.file("step-00000002/manifest.json")
    let good = try bytes(path)
    for index in stride(from: 0, to: good.count, by: 97) {
      var bad = good
      bad[index] ^= 4
      try? FileManager.default.removeItem(atPath: path)
      try Data(bad).write(to: URL(filePath: path))
      #expect(throws: CheckpointFailure.self, "byte \(index)") {
        try Checkpoint(scratch.file("step-00000002"))
      }
    }
    for count in [0, 1, 20, good.count - 1] {
      try? FileManager.default.removeItem(atPath: path)
      try Data(good[..<count]).write(to: URL(filePath: path))
      #expect(throws: CheckpointFailure.self) { try Checkpoint(scratch.file("step-00000002")) }
    }
    let store = CheckpointStore(scratch.path)
    #expect(try store.latest()?.step == 1)
    let scan = try store.scan()
    #expect(scan.checkpoints.map(\.step) == [1])
    #expect(scan.damaged.map(\.path) == [path])
  }
}
