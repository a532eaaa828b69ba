import Foundation
import Layers
import Schedules
import Testing
import Topology

@testable import Training

/// The product's promise: however a model is divided, it is trained as one rank would have.
///
/// With NEEDLETAIL_MATRIX=FILE, every case is appended to FILE as a line of a table
/// (Scripts/checks/mesh-matrix.sh).
@Suite(.serialized) struct MeshEqualityTests {
  static let meshes: [Mesh] = [1, 2, 4].flatMap { tensor in
    [1, 2, 4].flatMap { pipeline in
      [1, 2].map { data in Mesh(tensor: tensor, pipeline: pipeline, data: data) }
    }
  }.filter { (2...8).contains($0.rankCount) }

  /// Five losses, gradient norms and a held-out loss to 1e-5; every weight to 1e-5 of its tensor's largest.
  static let tolerance = 1e-5

  /// Every schedule, with and without sequence parallelism; recomputation and ZeRO-1 take turns.
  static func cases(_ family: MeshCase.Family, _ mesh: Mesh) -> [MeshCase] {
    let kinds = mesh.pipeline == 1 ? [Schedule.Kind.oneForwardOneBackward] : Schedule.Kind.allCases
    var cases: [MeshCase] = []
    for kind in kinds {
      for isSplit in mesh.tensor == 1 ? [false] : [false, true] {
        let recompute = Recompute.allCases[cases.count % 3]
        let shards = (cases.count + mesh.pipeline) % 2 == 0
        let label =
          "\(kind.rawValue)\(isSplit ? ", sequence parallel" : ""), recompute \(recompute.rawValue), "
          + "ZeRO \(shards ? 1 : 0)"
        cases.append(
          MeshCase(
            family: family, mesh: mesh,
            change: { config in
              config.mesh.schedule = kind
              config.mesh.interleave = kind == .interleaved ? 2 : 1
              config.mesh.sequenceParallel = isSplit
              config.mesh.shardOptimizer = shards
              config.training.recompute = recompute
            }, label: label))
      }
    }
    return cases
  }

  @Test(
    "losses, gradient norms and weights do not depend on the mesh", arguments: MeshCase.Family.allCases,
    meshes)
  func equality(family: MeshCase.Family, mesh: Mesh) throws {
    let serial = try Self.serial(family)
    for meshCase in Self.cases(family, mesh) {
      let (loss, norm, weights) = try meshCase.train().distance(to: serial)
      try Self.record(meshCase, loss, norm, weights)
      #expect(loss < Self.tolerance && norm < Self.tolerance && weights < Self.tolerance, "\(meshCase)")
    }
  }

  @Test("so it is with tied and untied tables, SGD, bf16 weights and uneven stages")
  func variants() throws {
    let variants: [(String, Double, @Sendable (inout RunConfig) -> Void)] = [
      ("untied", 1e-5, { $0.model.tiedEmbeddings = false }),
      ("sgd", 1e-5, { $0.optimizer.kind = .sgd }),
      // A weight near the middle of two bf16 numbers may go either way.
      ("bf16 weights", 5e-2, { $0.training.precision = .bf16 }),
    ]
    for (label, tolerance, change) in variants {
      let serial = try MeshCase(family: .gpt2, change: change).train()
      let divided = try MeshCase(
        family: .gpt2, mesh: Mesh(tensor: 2, pipeline: 2, data: 2),
        change: { config in
          change(&config)
          config.mesh.layers = [5, 3]
        }
      ).train()
      let (loss, norm, weights) = divided.distance(to: serial)
      #expect(loss < tolerance && norm < 10 * tolerance && weights < tolerance, "\(label)")
    }
  }

  @Test("ZeRO-1 changes no bit, nor does the size of the buckets or cutting what crosses a stage boundary")
  func sameBits() throws {
    let mesh = Mesh(tensor: 2, pipeline: 2, data: 2)
    let reference = try MeshCase(family: .gpt2, mesh: mesh).train()
    let changes: [@Sendable (inout RunConfig) -> Void] = [
      { $0.mesh.shardOptimizer = false }, { $0.mesh.bucketBytes = 1 << 30 },
      { $0.mesh.scatterBoundaries = false },
      { $0.mesh.schedule = .gpipe }, { $0.mesh.schedule = .zeroBubble }, { $0.training.recompute = .full },
    ]
    for (index, change) in changes.enumerated() {
      let other = try MeshCase(family: .gpt2, mesh: mesh, change: change).train()
      #expect(other.weights == reference.weights && other.losses == reference.losses, "change \(index)")
    }
  }

  @Test(
    "rounded weights are the same on every rank from the first step on", arguments: [Precision.bf16, .f16])
  func rounded(precision: Precision) throws {
    func train(_ mesh: Mesh, shards: Bool) throws -> MeshCase.Result {
      try MeshCase(
        family: .gpt2, mesh: mesh,
        change: { config in
          config.training.precision = precision
          config.mesh.shardOptimizer = shards
        }
      ).train()
    }
    let sharded = try train(Mesh(data: 2), shards: true), whole = try train(Mesh(data: 2), shards: false)
    #expect(sharded.weights == whole.weights && sharded.losses == whole.losses)
    let serial = try train(.single, shards: false)
    #expect(abs(sharded.losses[0] - serial.losses[0]) < 1e-5 * serial.losses[0])
  }

  @Test("gradients that travel as bf16 are near, and not the same")
  func roughReduction() throws {
    let serial = try MeshCase(family: .gpt2).train()
    let rough = try MeshCase(
      family: .gpt2, mesh: Mesh(data: 2), change: { $0.mesh.reduction = .bf16 }
    ).train()
    let distance = rough.distance(to: serial)
    #expect(distance.norm > 1e-6 && distance.norm < 1e-2 && distance.loss < 1e-2)
  }

  private static func serial(_ family: MeshCase.Family) throws -> MeshCase.Result {
    try MeshCase(family: family).train()
  }

  private static func record(_ meshCase: MeshCase, _ loss: Double, _ norm: Double, _ weights: Double) throws {
    guard let path = ProcessInfo.processInfo.environment["NEEDLETAIL_MATRIX"] else { return }
    let numbers = [loss, norm, weights].map { String(format: "%.1e", $0) }.joined(separator: " | ")
    let line =
      "| \(meshCase.family.rawValue) | \(meshCase.mesh) | \(meshCase.label) | \(numbers) |\n"
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    defer { try? file.close() }
    try file.seekToEnd()
    try file.write(contentsOf: Data(line.utf8))
  }
}
