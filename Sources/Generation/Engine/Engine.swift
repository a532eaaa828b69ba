import Dispatch
import Models
import Synchronization
import Tensors

/// Continues many texts at once with one model: continuous batching (Yu et al. 2022) over a paged key-value cache (Kwon
/// et al. 2023).
///
/// Requests come from any thread; one thread, that of the model's first rank, runs them. What a request gives does not
/// depend on what it is computed with, bit for bit.
package final class Engine: GenerationService {
  private let model: Transformer.Config
  private let config: EngineConfig
  private let inbox = Mutex(Inbox())
  private let shared = Mutex(GenerationStatistics())
  private let signal = DispatchSemaphore(value: 0)

  private struct Inbox {
    var arrivals: [ActiveRequest] = []
    /// Choices that were taken and have not ended.
    var pending = 0
    var isClosed = false
  }

  package init(_ model: Transformer.Config, _ config: EngineConfig = EngineConfig()) {
    self.model = model
    self.config = config
  }

  package var context: Int { model.context }
  package var statistics: GenerationStatistics { shared.withLock { $0 } }

  // MARK: Asking

  package func submit(
    _ request: GenerationRequest, handler: @escaping @Sendable (GenerationEvent) -> Void
  ) throws(GenerationFailure) -> any GenerationTicket {
    try check(request)
    return try take(ActiveRequest(request, wake: { [signal] in signal.signal() }, handler: handler))
  }

  package func embed(_ ids: [Int32]) async throws(GenerationFailure) -> [Float] {
    let request = GenerationRequest(prompt: ids, maximumTokens: 0)
    try check(request)
    let (stream, results) = AsyncStream.makeStream(of: [Float].self)
    let active = ActiveRequest(
      request,
      onHidden: {
        results.yield($0)
        results.finish()
      }, wake: { [signal] in signal.signal() },
      handler: { event in if case .end = event { results.finish() } })
    _ = try take(active)
    return await withTaskCancellationHandler {
      for await result in stream { return result }
      return nil
    } onCancel: {
      active.cancel()
    } ?? []
  }

  private func take(_ request: ActiveRequest) throws(GenerationFailure) -> ActiveRequest {
    let choices = request.request.choices
    let refusal = inbox.withLock { inbox -> GenerationFailure? in
      if inbox.isClosed {
        return GenerationFailure(.closed, "the server is ending and takes no more requests")
      }
      guard inbox.pending + choices <= config.queueLimit else {
        return GenerationFailure(
          .busy, "\(inbox.pending) texts wait or run, at most \(config.queueLimit) may: try again later")
      }
      inbox.pending += choices
      inbox.arrivals.append(request)
      return nil
    }
    if let refusal { throw refusal }
    signal.signal()
    return request
  }

  /// Throws where a request can never run.
  package func check(_ request: GenerationRequest) throws(GenerationFailure) {
    func refuse(_ parameter: String, _ sentence: String) -> GenerationFailure {
      GenerationFailure(.invalid, parameter: parameter, sentence)
    }
    let prompt = request.prompt
    guard !prompt.isEmpty else { throw refuse("prompt", "the prompt has no tokens, expected at least one") }
    guard request.maximumTokens >= 0 else {
      throw refuse("max_tokens", "max_tokens must be 0 or positive, got \(request.maximumTokens)")
    }
    guard prompt.count <= context, request.maximumTokens <= context - prompt.count else {
      throw refuse(
        "max_tokens",
        "the model's context is \(context) tokens; the prompt has \(prompt.count) and \(request.maximumTokens) more "
          + "are asked for: shorten one of them")
    }
    if let id = prompt.first(where: { !(0..<Int32(model.vocabulary)).contains($0) }) {
      throw refuse("prompt", "the prompt has token id \(id), the model has 0 ... \(model.vocabulary - 1)")
    }
    if let id = request.sampling.logitBias.keys.first(where: { !(0..<Int32(model.vocabulary)).contains($0) })
    {
      throw refuse(
        "logit_bias", "logit_bias names token id \(id), the model has 0 ... \(model.vocabulary - 1)")
    }
    guard (1...1024).contains(request.choices) else {
      throw refuse("n", "n must lie in 1 ... 1024, got \(request.choices)")
    }
    for count in [request.alternatives, request.promptAlternatives].compactMap(\.self) where count < 0 {
      throw refuse("logprobs", "logprobs must be 0 or positive, got \(count)")
    }
    if let problem = request.sampling.problem { throw refuse(problem.parameter, problem.sentence) }
  }

  /// Takes no more requests; `run` returns when those it has are done.
  package func close() {
    inbox.withLock { $0.isClosed = true }
    signal.signal()
  }

  // MARK: Running

  /// Runs requests on the calling thread, which leads the model's ranks, until the engine is closed and has no more;
  /// or, `untilIdle`, until there is nothing to do. Other ranks `follow`.
  package func run(_ runner: ModelRunner, untilIdle: Bool = false) {
    let loop = EngineLoop(
      runner, Scheduler(config, pool: PagePool(count: runner.pageCount, pageTokens: runner.device.pageTokens))
    )
    while true {
      while signal.wait(timeout: .now()) == .success {}
      let (arrivals, isClosed) = inbox.withLock { inbox in
        defer { inbox.arrivals = [] }
        return (inbox.arrivals, inbox.isClosed)
      }
      for request in arrivals { loop.scheduler.add(ActiveText(request)) }
      let hasWorked = loop.step()
      if loop.ended > 0 {
        inbox.withLock { $0.pending -= loop.ended }
        loop.ended = 0
      }
      loop.report(to: shared, newRequests: arrivals.count)
      if loop.scheduler.isEmpty, inbox.withLock({ $0.arrivals.isEmpty }), isClosed || untilIdle { break }
      guard !hasWorked else { continue }
      // Texts whose readers are behind are looked at again even if nobody calls.
      let wait = loop.scheduler.isEmpty ? Self.idleWait : Self.behindWait
      if signal.wait(timeout: .now() + wait) == .timedOut { runner.keepAlive() }
    }
    runner.stop()
  }

  private static let idleWait = DispatchTimeInterval.seconds(20)
  private static let behindWait = DispatchTimeInterval.milliseconds(20)
}
