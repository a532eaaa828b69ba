import Foundation
import Layers
import Models
import Tensors
import Testing
import Topology
import Training

@testable import Planning

@Suite struct TraceTests {
  /// Calls, FLOPs and bytes of a kind of operation.
  struct Work: Equatable {
    var calls = 0
    var flops = 0
    var bytes = 0
  }

  private func count(_ events: [Trace.Event], _ times: Int = 1, into sum: inout [Profile.Operation: Work]) {
    for event in events {
      guard case .operation(let operation, let flops, let bytes) = event else { continue }
      sum[operation, default: Work()].calls += times
      sum[operation, default: Work()].flops += times * flops
      sum[operation, default: Work()].bytes += times * bytes
    }
  }

  @Test(
    "a traced step does what a real one does, operation by operation", arguments: Shapes.allCases,
    Recompute.allCases)
  func sameWork(_ shape: Shapes, _ recompute: Recompute) throws {
    var config = shape.config
    config.training.recompute = recompute
    let run = try MeshRun(config, ranks: 1, threads: 1, steps: 1, warmup: 1, isProfiled: true)
    var measured: [Profile.Operation: Work] = [:]
    for row in run.rows {
      measured[row.operation] = Work(calls: row.calls, flops: row.flops, bytes: row.bytes)
    }

    var traced: [Profile.Operation: Work] = [:]
    let microbatches = config.training.globalBatch / config.training.microbatch
    for (piece, times) in [(Piece.layer, config.model.layers), (.embedding, 1), (.head, 1)] {
      let trace = try PieceTrace(piece, config, splitsBackward: false)
      for pass in [trace.forward, trace.backward, trace.weights] {
        count(pass.events, times * microbatches, into: &traced)
      }
    }
    let update = UpdateTrace(config, .single, stage: 0)
    for events in [update.buckets, update.sums, update.apply] { count(events, into: &traced) }
    for operation in Set(measured.keys).union(traced.keys) {
      #expect(measured[operation] == traced[operation], "\(operation)")
    }
  }

  @Test("what a traced layer keeps is what savedBytes says", arguments: Shapes.allCases, Recompute.allCases)
  func saved(_ shape: Shapes, _ recompute: Recompute) throws {
    var config = shape.config
    config.training.recompute = recompute
    let trace = try PieceTrace(.layer, config, splitsBackward: false)
    let model = Transformer(config.model, recompute: recompute, on: Device(threads: 1))
    let promised = Double(model.savedBytes(tokens: config.tokensPerMicrobatch)) / Double(config.model.layers)
    // The pool rounds to 64 bytes.
    #expect(abs(Double(trace.saved.bytes) / promised - 1) < 0.03, "\(trace.saved.bytes) \(promised)")
  }

  @Test("tensor ranks send what the papers count: 4 all-reduces of bsh a layer, or as much cut in two")
  func tensorTraffic() throws {
    var config = Shapes.gpt2.config
    config.mesh.tensor = 2
    let hidden = config.tokensPerMicrobatch * config.model.width * 4
    func messages(_ config: RunConfig) throws -> [Message] {
      let trace = try PieceTrace(.layer, config, splitsBackward: false)
      return (trace.forward.events + trace.backward.events).compactMap {
        if case .begin(let message, _) = $0 { message } else { nil }
      }
    }
    let plain = try messages(config)
    #expect(
      plain == Array(repeating: Message(kind: .allReduce, among: .tensor, count: 2, bytes: hidden), count: 4))
    config.mesh.sequenceParallel = true
    let split = try messages(config)
    #expect(split.allSatisfy { $0.bytes == hidden && $0.among == .tensor })
    // Two of each on the way there, as many back, and the inputs that are gathered again for dW (Korthikanti et al.).
    #expect(split.filter { $0.kind == .reduceScatter }.count == 4)
    #expect(split.filter { $0.kind == .allGather }.count == 6)
  }

  @Test(
    "an imagined device takes addresses and no memory: a stage of a trillion parameters is traced in place")
  func trillion() throws {
    let config = Planner.prepared(
      try Repository.recipe(
        "gpt-ptdp",
        [
          "model.layers=128", "model.width=25600", "model.heads=160", "mesh.tensor=8", "mesh.pipeline=64",
          "training.global_batch=3072", "training.microbatch=1",
        ]))
    let before = residentBytes
    let update = UpdateTrace(config, config.mesh(ranks: 3072), stage: 1)
    #expect(update.heldCount > 1_900_000_000)
    // Values, gradients and the optimizer's state of this stage would be 30 GB.
    #expect(residentBytes - before < 1 << 29)
  }

  /// Of this process, now.
  private var residentBytes: Int {
    let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
    return (fields.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * 4096
  }
}
