import CAllocations
import Foundation
import Tensors
import Testing

@testable import Training

@Suite struct StepProfileTests {
  let tiny: TinyRun

  init() throws { tiny = try TinyRun() }

  /// The profile of `steps` updates of two microbatches after one that warms up, and the run it is of.
  private func profiled(steps: Int) throws -> (profile: Profile, run: TrainingRun) {
    let run = try TrainingRun(tiny.config("run"), resuming: false)
    _ = try run.step.run()
    let profile = Profile()
    for _ in 0..<steps { _ = try profile.measureStep(on: run.model.device) { try run.step.run() } }
    return (profile, run)
  }

  @Test("operations take the time of the step but for what is outside of them, and nothing twice")
  func addsUp() throws {
    let start = ContinuousClock.now
    let (profile, run) = try profiled(steps: 3)
    let elapsed = ContinuousClock.now - start
    // What is not a step is not written down.
    run.model.store.gradients.fill(0)
    #expect(!profile.rows.contains { $0.operation.name == "fill" })
    let report = try #require(StepProfile(profile, of: run.model, peak: 0))
    #expect(report.steps == 3 && report.outside >= 0)
    #expect(report.stepSeconds > 0 && report.stepSeconds * 3 <= elapsed.seconds)
    #expect(report.lines.allSatisfy { $0.seconds > 0 && $0.bytes > 0 && report.floor($0) > 0 })
    #expect(report.peak > 0 && report.bandwidth > 0)
    let text = report.description.split(separator: "\n")
    #expect(text.allSatisfy { $0.count <= 110 }, "\(report)")
    #expect(text.contains { $0.hasPrefix("outside kernels") } && text.contains { $0.hasPrefix("whole step") })
  }

  @Test("products are those that the model implies, by number, FLOPs and name")
  func products() throws {
    let (profile, run) = try profiled(steps: 2)
    let report = try #require(StepProfile(profile, of: run.model, peak: 0))
    let config = run.config, model = config.model
    let products = report.lines.filter { $0.product != nil }
    // Two microbatches; forward, dx and dW of four weights a layer and of the output.
    #expect(products.reduce(0) { $0 + $1.calls } == Double(2 * 3 * (4 * model.layers + 1)))
    #expect(
      Set(products.map(\.name))
        == Set(
          ["attention.qkv", "attention.output", "mlp.up", "mlp.down", "output"].flatMap { weight in
            ["forward", "dx", "dW"].map { "\(weight) \($0)" }
          }))
    let tokens = Double(config.training.globalBatch * config.sequenceLength)
    let square = Double(12 * model.layers * model.width * config.sequenceLength)
    let whole = model.modelFLOPs(perTokenOfLength: config.sequenceLength)
    #expect(products.reduce(0) { $0 + $1.flops } == tokens * (whole - square))
    // Seven products over the pairs that the mask leaves, where the convention counts six over the square.
    let attention = report.lines.filter { $0.name.hasPrefix("attention") && $0.product == nil }
    let length = Double(config.sequenceLength)
    #expect(attention.reduce(0) { $0 + $1.flops } == tokens * square * 7 / 6 * (length + 1) / (2 * length))
  }

  @Test("a profile allocates nothing once it has seen a step", .enabled(if: allocations_are_counted()))
  func allocations() throws {
    let (profile, run) = try profiled(steps: 1)
    let before = allocations_of_this_thread()
    _ = try profile.measureStep(on: run.model.device) { try run.step.run() }
    let allocations = allocations_of_this_thread() - before
    #expect(allocations == 0)
  }

  @Test("a run profiles the updates after the first two", arguments: [2, 5])
  func train(steps: Int) throws {
    let run = try TrainingRun(tiny.config("run") { $0.training.steps = steps }, resuming: false)
    #expect(try run.train(isProfiled: true).profile?.steps == (steps > 2 ? steps - 2 : nil))
  }
}

@Suite struct StepBenchmarkTests {
  private struct Record: Decodable {
    struct Line: Decodable { let operation: String, calls, seconds, flops, bytes: Double }
    let tokensPerSecond, modelGflopsPerSecond, fmaPeakGflopsPerSecond: Double
    let peakMemoryBytes, parameters, threads: Int
    let allocationsPerStep: Double?
    let poolMissesPerStep: Double
    let stepSeconds: [Double]
    let loss: Double?
    let instructionSet, flopConvention: String
    let readBandwidthBytesPerSecond: Double?
    let profile: [Line]?
  }

  private static let keys: Set = [
    "tokens_per_second", "model_gflops_per_second", "fma_peak_gflops_per_second", "peak_memory_bytes",
    "allocations_per_step", "pool_misses_per_step", "parameters", "threads", "instruction_set",
    "step_seconds", "loss", "flop_convention", "predicted_saved_bytes", "measured_saved_bytes",
  ]

  @Test("a benchmark is one line of JSON with every figure, and a step takes nothing from heap or pool")
  func json() throws {
    let config = try TinyRun().config("run") { $0.data.prefix = nil }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    for isProfiled in [false, true] {
      let result = try StepBenchmark(
        config, steps: 3, instructionSet: .baseline, isProfiled: isProfiled)
      #expect(!result.json.contains("\n"))
      let data = Data(result.json.utf8)
      let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let more: Set = isProfiled ? ["read_bandwidth_bytes_per_second", "profile"] : []
      #expect(Set(object.keys) == Self.keys.union(more))
      let record = try decoder.decode(Record.self, from: data)
      #expect(record.allocationsPerStep == (allocations_are_counted() ? 0 : nil))
      #expect(record.poolMissesPerStep == 0 && record.stepSeconds.count == 3)
      #expect(record.instructionSet == "baseline" && record.threads == 1)
      #expect(record.tokensPerSecond > 0 && record.fmaPeakGflopsPerSecond > 0)
      #expect(record.profile.map { $0.isEmpty } == (isProfiled ? false : nil))
    }
  }
}
