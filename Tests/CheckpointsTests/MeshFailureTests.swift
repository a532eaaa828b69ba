import FoundationEssentials
import Tensors
import Testing
import Topology

@testable import Checkpoints

/// What happens to a checkpoint of several ranks when one of them cannot do its part.
@Suite struct MeshFailureTests {
  private let mesh = Mesh(tensor: 2, data: 2)

  private func held(_ rank: Int) -> [ShardedTensor] {
    MeshModel.held(by: rank, of: mesh, toSave: true, isFilled: true, seed: 9, on: Device(threads: 1))
  }

  /// The checkpoint of step 1 is still what it was, and nothing else is to be seen.
  private func expectPrevious(_ scratch: Scratch) throws {
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == [
        ".lock", "step-00000001",
      ])
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    try checkpoint.verify()
    try MeshCheckpointTests.expectRestores(checkpoint, on: mesh, seed: 1)
  }

  @Test("ranks that do not come are named, and the checkpoint before stays")
  func missing() throws {
    let scratch = try Scratch()
    #expect(MeshCheckpointTests.save(mesh, to: scratch.path).allSatisfy { $0 == nil })
    let errors = Ranks.run(4) { [self] rank, barrier in
      let writer = try CheckpointWriter(scratch.path, rank: rank, of: 4, patience: .seconds(1))
      barrier.wait()
      if rank % 2 == 1 {
        barrier.wait()
        return
      }
      try writer.write(step: 2, tensors: held(rank)) { barrier.wait() }
    }
    let failure = try #require(errors[0] as? CheckpointFailure)
    #expect(
      failure.reason
        == "ranks 1, 3 of 4 did not write a part of the checkpoint, and nothing happened here for "
        + "1.0 seconds; look whether they run and share this directory")
    #expect(errors[2] == nil)
    try expectPrevious(scratch)
  }

  @Test("a rank that fails says why, rank 0 says who, and the next checkpoint is written")
  func failing() throws {
    let scratch = try Scratch()
    #expect(MeshCheckpointTests.save(mesh, to: scratch.path).allSatisfy { $0 == nil })
    let partial = scratch.file(".step-00000002.partial")
    let errors = Ranks.run(4) { [self] rank, barrier in
      let writer = AsyncCheckpointWriter(try CheckpointWriter(scratch.path, rank: rank, of: 4))
      try writer.save(step: 2, tensors: held(rank)) {
        barrier.wait()
        // Where rank 2's shard should go there is something in the way.
        if rank == 0 {
          try FileManager.default.createDirectory(
            atPath: partial + "/rank-00002-shard-00001.safetensors", withIntermediateDirectories: true)
        }
        barrier.wait()
      }
      let failure = Result { try writer.finish() }
      barrier.wait()
      if rank == 0 { try expectPrevious(scratch) }
      // They all go on, so that all come to the barrier.
      try writer.save(step: 3, tensors: held(rank)) { barrier.wait() }
      try writer.finish()
      try failure.get()
    }
    let failure = try #require(errors[0] as? CheckpointFailure)
    #expect(
      failure.reason.hasPrefix(
        "rank 2 could not write its part of the checkpoint: \(partial)/rank-00002-shard")
        && failure.reason.hasSuffix("cannot rename into place: Is a directory"), "\(failure)")
    #expect(errors[1] == nil && errors[2] != nil && errors[3] == nil)
    #expect(try CheckpointStore(scratch.path).latest()?.step == 3)
  }

  @Test("where rank 0 cannot begin, nobody waits and all fail")
  func cannotBegin() throws {
    let scratch = try Scratch()
    let errors = Ranks.run(2) { rank, barrier in
      let writer = AsyncCheckpointWriter(try CheckpointWriter(scratch.file("a"), rank: rank, of: 2))
      barrier.wait()
      if rank == 0 { try FileManager.default.removeItem(atPath: scratch.file("a")) }
      try writer.save(step: 1, tensors: [ShardedTensor]()) { barrier.wait() }
      try writer.finish()
    }
    #expect(
      errors.allSatisfy { $0.map { "\($0)".contains("no such file or directory") } == true }, "\(errors)")
  }

  @Test("what a killed attempt at the same step left does not count")
  func stale() throws {
    let scratch = try Scratch()
    #expect(MeshCheckpointTests.save(mesh, to: scratch.path).allSatisfy { $0 == nil })
    // All ranks of an attempt with other numbers had written their parts when rank 0 died.
    let partial = scratch.file(".step-00000002.partial")
    try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
    for rank in 1..<4 {
      let writer = try CheckpointWriter(scratch.path, rank: rank, of: 4)
      _ = try writer.write(step: 2, tensors: held(rank))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: partial).count == 6)
    #expect(try CheckpointStore(scratch.path).latest()?.step == 1)
    let errors = MeshCheckpointTests.save(mesh, to: scratch.path, steps: [2])
    #expect(errors.allSatisfy { $0 == nil }, "\(errors)")
    let checkpoint = try #require(try CheckpointStore(scratch.path).latest())
    try MeshCheckpointTests.expectRestores(checkpoint, on: Mesh(), seed: 2)
  }

  @Test("ranks that were started unlike are told so")
  func unlike() throws {
    let scratch = try Scratch()
    let errors = Ranks.run(2) { rank, barrier in
      try CheckpointWriter(scratch.path, rank: rank, of: 2 + rank).write(step: 1, tensors: [ShardedTensor]())
      {
        barrier.wait()
      }
    }
    #expect(
      (errors[0] as? CheckpointFailure)?.reason
        == "rank 1 wrote step 1 as one of 3 ranks, expected step 1 and 2 ranks; were all started alike?")
    #expect(try scratch.contents == [".lock"])
  }
}
