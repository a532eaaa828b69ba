import Dispatch
import Models
import Synchronization
import Tensors

@testable import Generation

/// A small model, requests, and what becomes of them.
enum EngineSupport {  // MARK: A small model, and requests

  static func config(positions: Transformer.Positions = .rotary) -> Transformer.Config {
    var config = Transformer.Config()
    config.layers = 2
    config.width = 32
    config.heads = 4
    config.keyValueHeads = 2
    config.vocabulary = 61
    config.context = 400
    config.positions = positions
    config.rotaryFraction = 0.5
    return config
  }

  static func model(
    _ format: WeightFormat? = .f32, positions: Transformer.Positions = .rotary,
    _ part: TransformerPart? = nil,
    threads: Int = 1
  ) -> Transformer {
    let device = Device(threads: threads)
    var config = config(positions: positions)
    config.initialDeviation = 0.3
    let model = Transformer(config, part: part, isTrained: false, packing: format, on: device)
    model.store.initialize(seed: 5)
    return model
  }

  static func prompt(_ length: Int, seed: Int = 0) -> [Int32] {
    (0..<length).map { Int32(RandomKey(seed: UInt64(seed)).at($0).value % 61) }
  }

  /// What became of a request.
  struct Outcome: Equatable {
    var prompt: [TokenScore]?
    /// Tokens of the prompt that were found in the cache.
    var cached = 0
    var tokens: [Int: [TokenScore]] = [:]
    var ends: [Int: GenerationEnd] = [:]
    /// Of all choices together.
    var endCount = 0
  }

  final class Record: Sendable {
    private let state = Mutex(Outcome())
    var outcome: Outcome { state.withLock { $0 } }

    func note(_ event: GenerationEvent) {
      state.withLock { outcome in
        switch event {
        case .prompt(let cached, let scores): (outcome.cached, outcome.prompt) = (cached, scores)
        case .token(let choice, let score): outcome.tokens[choice, default: []].append(score)
        case .end(let choice, let end):
          outcome.ends[choice] = end
          outcome.endCount += 1
        }
      }
    }
  }

  /// What an engine makes of requests that come together, and how it did.
  static func run(
    _ requests: [GenerationRequest], _ model: Transformer, pages: Int = 200,
    options: EngineConfig = EngineConfig()
  ) throws -> (outcomes: [Outcome], statistics: GenerationStatistics) {
    let engine = Engine(model.config, options)
    let records = requests.map { _ in Record() }
    for (request, record) in zip(requests, records) { _ = try engine.submit(request) { record.note($0) } }
    engine.run(ModelRunner(model, pageCount: pages), untilIdle: true)
    return (records.map(\.outcome), engine.statistics)
  }

  /// Requests of every kind: long and short, greedy and sampled, with scores and without, one choice and several.
  static func mixed() -> [GenerationRequest] {
    (0..<12).map { index in
      var request = GenerationRequest(
        prompt: prompt([3, 70, 1, 150, 64, 65, 20, 200, 33, 128, 5, 90][index], seed: index),
        maximumTokens: [20, 80, 130, 5, 40, 1, 0, 60, 70, 33, 100, 64][index])
      request.sampling.temperature = index % 3 == 0 ? 0 : 0.9
      request.sampling.topP = index % 2 == 0 ? 0.9 : 1
      request.sampling.repetitionPenalty = index % 4 == 1 ? 1.2 : 1
      request.sampling.seed = UInt64(index)
      request.choices = index % 5 == 2 ? 3 : 1
      request.alternatives = index % 2 == 0 ? 3 : nil
      request.promptAlternatives = index % 3 == 1 ? 2 : nil
      return request
    }
  }

  /// As `==`, but that a log-probability that nobody asked for, a NaN, equals another.
  static func areSame(_ a: Outcome, _ b: Outcome) -> Bool { "\(a.sorted)" == "\(b.sorted)" }

  /// Runs `body` on a thread of its own: those of tasks must not wait for each other.
  static func onThread(_ model: Transformer, _ body: @escaping @Sendable (Transformer) -> Void) async {
    let handed = Handed(value: model)
    await withCheckedContinuation { done in
      DispatchQueue(label: "engine").async {
        body(handed.value)
        done.resume()
      }
    }
  }
}

extension EngineSupport.Outcome {
  fileprivate var sorted: [String] {
    ["\(prompt.map { "\($0)" } ?? "")"] + tokens.sorted { $0.key < $1.key }.map { "\($0)" }
      + ends.sorted { $0.key < $1.key }.map { "\($0)" }
  }
}

/// A value handed to the thread that uses it from now on.
private struct Handed<Value>: @unchecked Sendable { let value: Value }
