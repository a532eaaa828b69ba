import FoundationEssentials
import Tensors
import Testing

@testable import Optimizers

/// What PyTorch made: see Fixtures/make_fixtures.py.
struct TorchUpdates: Decodable {
  let step1, step10: [Float]
  let norm1, norm10: Double

  static func read(_ name: String) throws -> TorchUpdates {
    let all = try JSONDecoder().decode([String: TorchUpdates].self, from: fixture("torch_updates.json"))
    return try #require(all[name])
  }
}

func fixture(_ name: String) throws -> Data {
  var path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
  path += ["Fixtures", Substring(name)]
  return try Data(contentsOf: URL(filePath: path.joined(separator: "/")))
}

/// Parameters and their gradients by the formulas of make_fixtures.py.
struct Arena {
  let values, gradients: Tensor
  let decayedCount: Int
  let optimizer: Optimizer

  init(_ config: Optimizer.Config, count: Int = 101, decayedCount: Int = 61, on device: Device) {
    values = Tensor((0..<count).map { Float(($0 * 53) % 199 - 99) / 64 }, Shape(count), on: device)
    gradients = Tensor(zeros: Shape(count), on: device)
    self.decayedCount = decayedCount
    optimizer = Optimizer(config, values: values, gradients: gradients, decayedCount: decayedCount)
  }

  func setGradients(step: Int) {
    gradients.copy(from: (0..<gradients.count).map { Float(($0 * 37 + step * 101) % 211 - 105) / 64 })
  }

  /// Steps `range`, clipped to a norm of 5; the norms.
  @discardableResult func run(_ range: ClosedRange<Int>) -> [Double] {
    range.map { step in
      setGradients(step: step)
      let norm = GradientNorm(of: gradients)
      optimizer.update(
        step: step, learningRate: 0.01 * Double(step) / 10,
        gradientScale: norm.clipCoefficient(maximum: 5))
      return norm.value
    }
  }
}

struct Variant: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let config: Optimizer.Config

  init(_ name: String, _ change: (inout Optimizer.Config) -> Void) {
    testDescription = name
    var config = Optimizer.Config()
    change(&config)
    self.config = config
  }

  static let all = [
    Variant("adamw") { _ in },
    Variant("sgd") { $0.kind = .sgd },
    Variant("nesterov") {
      $0.kind = .sgd
      $0.nesterov = true
    },
  ]
}

@Suite struct OptimizerTests {
  @Test(
    "ten clipped steps agree with PyTorch on every instruction set", arguments: Variant.all,
    Device.InstructionSet.allCases.filter(\.isAvailable))
  func agreesWithTorch(variant: Variant, set: Device.InstructionSet) throws {
    let expected = try TorchUpdates.read(variant.testDescription)
    let arena = Arena(variant.config, on: Device(threads: 2, instructionSet: set))
    let norm1 = arena.run(1...1)[0]
    #expect(difference(arena.values.floats, expected.step1) < 2e-7)
    let norm10 = arena.run(2...10)[8]
    #expect(difference(arena.values.floats, expected.step10) < 1e-6)
    #expect(abs(norm1 / expected.norm1 - 1) < 1e-6 && abs(norm10 / expected.norm10 - 1) < 1e-6)
    #expect(arena.gradients.floats.allSatisfy { $0 == 0 })
  }

  /// The largest difference, relative to values of about one.
  private func difference(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
  }

  @Test("one thread and two give the same bits", arguments: Variant.all)
  func threadsAgree(variant: Variant) {
    let arenas = [1, 2].map { threads in
      Arena(variant.config, count: 100_003, decayedCount: 70_001, on: Device(threads: threads))
    }
    for arena in arenas { arena.run(1...3) }
    #expect(arenas[0].values.floats.map(\.bitPattern) == arenas[1].values.floats.map(\.bitPattern))
    for (one, two) in zip(arenas[0].optimizer.state, arenas[1].optimizer.state) {
      #expect(one.tensor.floats.map(\.bitPattern) == two.tensor.floats.map(\.bitPattern))
    }
  }

  @Test("a run resumed from its state goes on with the same bits", arguments: Variant.all)
  func resumes(variant: Variant) {
    let device = Device(threads: 2)
    let whole = Arena(variant.config, on: device)
    whole.run(1...6)
    let first = Arena(variant.config, on: device)
    first.run(1...3)
    let second = Arena(variant.config, on: device)
    second.values.copy(from: first.values.floats)
    for (old, new) in zip(first.optimizer.state, second.optimizer.state) {
      #expect(old.name == new.name)
      new.tensor.copy(from: old.tensor.floats)
    }
    second.run(4...6)
    #expect(whole.values.floats.map(\.bitPattern) == second.values.floats.map(\.bitPattern))
  }

  @Test("weight decay touches the decayed elements alone", arguments: Variant.all, [0, 61, 101])
  func decayGroups(variant: Variant, decayedCount: Int) {
    let device = Device(threads: 2)
    let arena = Arena(variant.config, decayedCount: decayedCount, on: device)
    let before = arena.values.floats
    arena.optimizer.update(step: 1, learningRate: 0.5)
    let after = arena.values.floats
    for index in before.indices where before[index] != 0 {
      #expect((abs(after[index]) < abs(before[index])) == (index < decayedCount), "element \(index)")
    }
  }

  @Test("an update takes no memory")
  func allocatesNothing() {
    let device = Device(threads: 2)
    for variant in Variant.all {
      let arena = Arena(variant.config, on: device)
      let misses = device.misses
      for step in 1...3 { arena.optimizer.update(step: step, learningRate: 0.1) }
      #expect(device.misses == misses)
    }
  }

  @Test("settings that cannot train are named")
  func validation() {
    func failure(_ change: (inout Optimizer.Config) -> Void) -> String? {
      do throws(OptimizerFailure) {
        try Variant("", change).config.validate()
        return nil
      } catch { return error.description }
    }
    #expect(failure { _ in } == nil)
    #expect(failure { $0.beta2 = 1 } == "beta2 is 1.0, expected at least 0 and below 1, such as 0.95")
    #expect(failure { $0.epsilon = 0 } == "epsilon is 0.0, expected above 0, such as 1e-8")
    #expect(failure { $0.weightDecay = -.infinity }?.hasPrefix("weightDecay") == true)
    #expect(failure { $0.clip = .nan }?.hasPrefix("clip") == true)
  }
}
