import Collectives
import Foundation
import Synchronization
import Testing
import Topology

@testable import Training

/// A run of many ranks, stopped and taken up again on any mesh.
@Suite(.serialized) struct MeshResumeTests {
  let tiny: TinyRun

  init() throws { tiny = try TinyRun() }

  static let meshes = [
    Mesh(tensor: 2, pipeline: 2, data: 2), Mesh(data: 4), Mesh(tensor: 4), Mesh(pipeline: 4), .single,
  ]

  private func config(_ name: String, _ mesh: Mesh, _ change: (inout RunConfig) -> Void = { _ in })
    -> RunConfig
  {
    tiny.config(name) { config in
      config.model.layers = 4
      config.model.heads = 4
      config.model.dropout = 0.1
      config.training.globalBatch = 8
      config.training.steps = 8
      config.training.evaluationInterval = 4
      config.checkpoint.interval = 4
      config.optimizer.epsilon = 1e-3
      config.mesh.tensor = mesh.tensor
      config.mesh.pipeline = mesh.pipeline
      config.mesh.bucketBytes = 4096
      change(&config)
    }
  }

  /// Runs to the end, or until `step` updates have been made.
  private func train(_ config: RunConfig, _ mesh: Mesh, until step: Int = .max, resuming: Bool = false) throws
  {
    _ = try LocalCluster.run(mesh, limit: .seconds(60)) { rank in
      let run = try TrainingRun(config, resuming: resuming, rank: rank)
      _ = try run.train(shouldStop: { run.step.position.step >= step })
    }
  }

  private func weights(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: "\(tiny.path)/\(name)/model/model.safetensors"))
  }

  @Test("stopped and resumed on the same mesh is never stopped, bit for bit", arguments: meshes)
  func sameMesh(mesh: Mesh) throws {
    try train(config("whole", mesh), mesh)
    try train(config("cut", mesh), mesh, until: 5)
    try train(config("cut", mesh), mesh, resuming: true)
    #expect(try weights("cut") == weights("whole"))
    #expect(try tiny.metrics("cut") == tiny.metrics("whole"))
  }

  @Test(
    "a checkpoint of any mesh goes on on any other, on the same data", arguments: meshes, meshes)
  func otherMesh(first: Mesh, second: Mesh) throws {
    try train(config("whole", .single), .single)
    try train(config("cut", first), first, until: 5)
    try train(config("cut", second), second, resuming: true)
    let whole = try tiny.metrics("whole"), cut = try tiny.metrics("cut")
    #expect(whole.count == 8 && cut.count == 8)
    for (a, b) in zip(whole, cut) {
      for key in ["loss", "gradient_norm", "held_out_loss"] {
        guard let expected = a[key] ?? nil else { continue }
        let got = try #require(b[key] ?? nil)
        #expect(abs(got - expected) < 1e-5 * expected, "\(key): \(got), alone \(expected)")
      }
    }
  }

  @Test(
    "a run begins with given weights on any mesh", arguments: [Mesh(tensor: 2, pipeline: 2), Mesh(tensor: 4)])
  func initialModel(mesh: Mesh) throws {
    try train(config("first", .single), .single)
    func next(_ name: String, _ mesh: Mesh) throws -> [Double] {
      let config = config(name, mesh) { $0.training.initialModel = "\(tiny.path)/first/model" }
      try train(config, mesh)
      return try tiny.metrics(name).compactMap { $0["loss"] ?? nil }
    }
    let alone = try next("alone", .single), divided = try next("divided", mesh)
    #expect(zip(alone, divided).allSatisfy { abs($0 - $1) < 1e-5 * $0 } && alone.count == 8)
  }

  @Test("a rank without data of its own, a wrong mesh, is refused before anything is built")
  func refused() throws {
    func sentence(_ ranks: Int, _ change: (inout RunConfig) -> Void) -> String {
      do {
        try config("refused", .single, change).validate(ranks: ranks)
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(sentence(3) { $0.mesh.tensor = 2 }.contains("does not divide the 3 ranks"))
    #expect(sentence(4) { $0.mesh.data = 2 }.contains("mesh.data 2 = 2, the run has 4 ranks"))
    #expect(
      sentence(3) { $0.mesh.tensor = 3 }.contains("model.heads 4 cannot be divided among mesh.tensor 3"))
    #expect(sentence(8) { $0.mesh.pipeline = 8 }.contains("model.layers 4 cannot fill mesh.pipeline 8"))
    #expect(sentence(8) { _ in }.contains("training.microbatch 2 × 8 data-parallel ranks: 16 would work"))
    #expect(sentence(1) { $0.mesh.interleave = 2 }.contains("needs a pipeline"))
    #expect(
      sentence(2) {
        $0.mesh.pipeline = 2; $0.mesh.layers = [1, 2]
      }.contains("add up to model.layers 4"))
    #expect(sentence(1) { $0.mesh.tensor = 0 }.contains("mesh.tensor must lie in 1 ... 1048576, got 0"))
    #expect(
      sentence(4) {
        $0.mesh.tensor = 4; $0.mesh.sequenceParallel = true; $0.training.sequenceLength = 3
      }
      .contains("divides the 6 tokens"))
    #expect(
      sentence(4) {
        $0.mesh.tensor = 4; $0.model.feedForwardWidth = 2
      }.contains("feed_forward_width 2 cannot"))
    #expect(
      sentence(3) {
        $0.mesh.pipeline = 3; $0.mesh.layers = [2, 0, 2]
      }.contains("numbers above 0"))
    #expect(sentence(1) { $0.mesh.timeout = .infinity }.contains("mesh.timeout must lie above 0"))
    #expect(sentence(2) { $0.mesh.pipeline = 2 } == "accepted")
    #expect(!tiny.exists("refused"))
  }
}
