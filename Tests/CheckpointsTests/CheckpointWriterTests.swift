import FoundationEssentials
import Tensors
import Testing

@testable import Checkpoints

@Suite struct CheckpointWriterTests {
  private let device = Device(threads: 2)
  private let files = FileManager.default

  @Test("the last ones and every K-th are kept")
  func keep() throws {
    let scratch = try Scratch()
    var keep = KeepPolicy()
    keep.last = 2
    keep.every = 30
    let writer = try CheckpointWriter(scratch.path, keep: keep)
    for step in stride(from: 10, through: 100, by: 10) {
      try writer.write(step: step, tensors: [ShardedTensor]())
    }
    #expect(try CheckpointStore(scratch.path).scan().checkpoints.map(\.step) == [100, 90, 60, 30])
    try writer.discard(after: 60)
    #expect(try CheckpointStore(scratch.path).scan().checkpoints.map(\.step) == [60, 30])
    #expect(
      try files.contentsOfDirectory(atPath: scratch.path).sorted() == [
        ".lock", "step-00000030", "step-00000060",
      ])
  }

  @Test("the checkpoint just written stays, though later ones of another run are there")
  func keepsWritten() {
    var keep = KeepPolicy()
    keep.last = 1
    #expect(keep.superseded([10, 20, 30], written: 20) == [10])
    keep.last = 0
    #expect(keep.superseded([10, 20, 30], written: 30) == [])
    keep.last = 5
    #expect(keep.superseded([10, 20, 30], written: 30) == [])
    #expect(throws: Never.self) { try keep.validate() }
    keep.last = -1
    #expect(throws: CheckpointFailure.self) { try keep.validate() }
  }

  @Test("a process killed while writing leaves the checkpoint before it, and the next one cleans up")
  func killed() throws {
    let scratch = try Scratch()
    let tensors = makeTensors(seed: 1, on: device)
    do {
      try CheckpointWriter(scratch.path, shardLimit: 1000).write(
        step: 1, tensors: tensors, state: ["run.json": "{}"])
    }
    let complete = scratch.file("step-00000001")
    let names = try files.contentsOfDirectory(atPath: complete).sorted()
    #expect(names.count == 6)
    // As many files as were there when the process died, the last of them half-written.
    for count in 0...names.count {
      let partial = scratch.file(".step-00000002.partial")
      try files.createDirectory(atPath: partial, withIntermediateDirectories: true)
      for name in names.prefix(count) {
        try files.copyItem(atPath: "\(complete)/\(name)", toPath: "\(partial)/\(name)")
      }
      try Data([1, 2, 3]).write(to: URL(filePath: partial + "/shard-00009.safetensors.partial-123"))
      #expect(try CheckpointStore(scratch.path).scan().checkpoints.map(\.step) == [1])
      _ = try CheckpointWriter(scratch.path)
      #expect(try files.contentsOfDirectory(atPath: scratch.path).sorted() == [".lock", "step-00000001"])
    }
    let restored = zeros(like: tensors)
    try Checkpoint(complete).restore(restored)
    expectSameBits(tensors, restored)
  }

  @Test("a process killed while replacing or deleting a checkpoint leaves one of each step")
  func killedReplacing() throws {
    let scratch = try Scratch()
    let old = makeTensors(seed: 1, on: device)
    let new = makeTensors(seed: 2, on: device)
    do { try CheckpointWriter(scratch.path).write(step: 1, tensors: old) }
    let path = scratch.file("step-00000001")
    // Between the two renames.
    try files.moveItem(atPath: path, toPath: scratch.file(".step-00000001.replaced"))
    do { _ = try CheckpointWriter(scratch.path) }
    let restored = zeros(like: old)
    try Checkpoint(path).restore(restored)
    expectSameBits(old, restored)
    // Behind them.
    try files.copyItem(atPath: path, toPath: scratch.file(".step-00000001.replaced"))
    try files.copyItem(atPath: path, toPath: scratch.file(".step-00000009.deleted"))
    try Data([1]).write(to: URL(filePath: scratch.file(".notes")))
    do { try CheckpointWriter(scratch.path).write(step: 1, tensors: new) }
    #expect(
      try files.contentsOfDirectory(atPath: scratch.path).sorted() == [".lock", ".notes", "step-00000001"])
    try Checkpoint(path).restore(restored)
    expectSameBits(new, restored)
  }

  @Test("two runs cannot write to one directory")
  func lock() throws {
    let scratch = try Scratch()
    let first = try CheckpointWriter(scratch.file("a/b"))
    try withExtendedLifetime(first) {
      let failure = #expect(throws: (any Error).self) { try CheckpointWriter(scratch.file("a/b")) }
      #expect(
        failure.map { "\($0)" } == scratch.file("a/b")
          + ": another run is writing its checkpoints here; stop it first or give this one another directory")
      _ = try CheckpointWriter(scratch.file("a/c"))
    }
  }

  @Test("an empty or absent directory has no checkpoint, a file in its place is refused")
  func nothing() throws {
    let scratch = try Scratch()
    #expect(try CheckpointStore(scratch.path).latest()?.step == nil)
    #expect(try CheckpointStore(scratch.file("absent")).latest()?.step == nil)
    for name in ["step-1", "step-000000x1", "step-00000001.bak", "step--0000001"] {
      try files.createDirectory(atPath: scratch.file(name), withIntermediateDirectories: true)
    }
    #expect(try CheckpointStore(scratch.path).scan().damaged == [])
    let file = try scratch.write([1], to: "file")
    #expect(throws: (any Error).self) { try CheckpointStore(file).latest() }
    #expect(throws: (any Error).self) { try CheckpointWriter(file) }
    #expect(throws: CheckpointFailure.self) { try Checkpoint(scratch.file("absent")) }
  }

  @Test("names of steps sort and come back")
  func names() {
    #expect(CheckpointDirectory.name(step: 100) == "step-00000100")
    #expect(CheckpointDirectory.name(step: 1_234_567_890) == "step-1234567890")
    for step in [0, 1, 99_999_999, 1_234_567_890] {
      #expect(CheckpointDirectory.step(ofName: CheckpointDirectory.name(step: step)) == step)
    }
  }
}

@Suite struct AsyncCheckpointWriterTests {
  private let device = Device(threads: 2)

  @Test("a save is of the moment it was asked for, whatever happens to the tensors after")
  func snapshots() throws {
    let scratch = try Scratch()
    let writer = AsyncCheckpointWriter(try CheckpointWriter(scratch.path))
    let tensors = makeTensors(seed: 0, on: device)
    var moments: [[[Float]]] = []
    for step in 1...3 {
      for item in tensors { item.tensor.add(item.tensor, scale: 0.5) }
      moments.append(tensors.map(\.tensor.floats))
      try writer.save(step: step, tensors: tensors, state: ["run.json": "\(step)"])
      for item in tensors { item.tensor.scale(by: -1) }
    }
    try writer.finish()
    #expect(writer.written == scratch.file("step-00000003"))
    for checkpoint in try CheckpointStore(scratch.path).scan().checkpoints {
      let restored = zeros(like: tensors)
      try checkpoint.restore(restored)
      #expect(restored.map(\.tensor.floats) == moments[checkpoint.step - 1])
      #expect(try checkpoint.state("run.json") == "\(checkpoint.step)")
    }
  }

  @Test("what went wrong is thrown by the next call, nothing half-written remains, and saving goes on")
  func failures() throws {
    let scratch = try Scratch()
    let writer = AsyncCheckpointWriter(try CheckpointWriter(scratch.path))
    let tensors = makeTensors(seed: 0, on: device)
    try writer.save(step: 1, tensors: tensors)
    // The name is too long for the file system: the write fails after its shards are on the disk.
    try writer.save(step: 2, tensors: tensors, state: [String(repeating: "x", count: 300): "{}"])
    let failure = #expect(throws: (any Error).self) { try writer.save(step: 3, tensors: tensors) }
    #expect(failure.map { "\($0)".hasSuffix("cannot create: File name too long") } == true)
    try writer.finish()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == [
        ".lock", "step-00000001",
      ])
    try writer.save(step: 4, tensors: tensors)
    try writer.finish()
    #expect(try CheckpointStore(scratch.path).latest()?.step == 4)
  }

  @Test("the copy is one buffer that is used again")
  func staging() {
    let staging = StagingBuffer()
    let tensors = makeTensors(seed: 0, on: device).map { ShardedTensor($0) }
    let first = staging.copy(tensors)
    #expect(staging.capacity == tensors.reduce(0) { $0 + $1.tensor.byteCount })
    let second = staging.copy(Array(tensors.prefix(2)))
    #expect(first[0].bytes.baseAddress == second[0].bytes.baseAddress)
    #expect(staging.copy([]).isEmpty)
  }
}
