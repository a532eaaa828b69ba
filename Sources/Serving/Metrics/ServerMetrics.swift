import Generation
import Synchronization

/// What `/metrics` tells: how requests went, how long things took, and how the engine is doing.
final class ServerMetrics: Sendable {
  private struct Key: Hashable {
    let route: String
    let status: Int
  }

  private struct State {
    var requests: [Key: Int] = [:]
    var firstToken = Histogram(
      "needletail_time_to_first_token_seconds", "From a request's arrival to its first token.",
      bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
    var perToken = Histogram(
      "needletail_time_per_token_seconds", "Mean time between the tokens of a choice, a request each.",
      bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
    var whole = Histogram(
      "needletail_request_seconds", "From a request's arrival to the end of its answer.",
      bounds: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300])
  }
  private let state = Mutex(State())

  func count(_ route: String, status: Int) {
    state.withLock { $0.requests[Key(route: route, status: status), default: 0] += 1 }
  }

  func addFirstToken(_ duration: Duration) { state.withLock { $0.firstToken.add(duration) } }

  func addAnswer(_ whole: Duration, perToken: Duration?) {
    state.withLock { state in
      state.whole.add(whole)
      if let perToken { state.perToken.add(perToken) }
    }
  }

  /// Prometheus' text format, version 0.0.4.
  func text(_ statistics: GenerationStatistics?, active: Int) -> String {
    let state = state.withLock { $0 }
    var text = "# HELP needletail_http_requests_total Requests answered, by address and status.\n"
    text += "# TYPE needletail_http_requests_total counter\n"
    for (key, count) in state.requests.sorted(by: {
      ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status)
    }) {
      text += "needletail_http_requests_total{route=\"\(key.route)\",status=\"\(key.status)\"} \(count)\n"
    }
    func value(_ name: String, _ type: String, _ help: String, _ value: Int) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(value)\n"
    }
    value("needletail_requests_active", "gauge", "Requests for text that are being answered.", active)
    state.firstToken.write(to: &text)
    state.perToken.write(to: &text)
    state.whole.write(to: &text)
    guard let statistics else { return text }
    value("needletail_choices_waiting", "gauge", "Choices that wait for room.", statistics.waiting)
    value("needletail_choices_running", "gauge", "Choices that run.", statistics.running)
    value("needletail_kv_pages", "gauge", "Pages of the key-value cache.", statistics.pages)
    value("needletail_kv_pages_used", "gauge", "Pages that running choices hold.", statistics.usedPages)
    value("needletail_kv_pages_kept", "gauge", "Pages kept for their prefix alone.", statistics.keptPages)
    value("needletail_requests_total", "counter", "Prompts taken.", statistics.requests)
    value("needletail_prompt_tokens_total", "counter", "Tokens of prompts.", statistics.promptTokens)
    value(
      "needletail_prefix_hit_tokens_total", "counter", "Tokens of prompts found in the cache.",
      statistics.cachedTokens)
    value("needletail_generated_tokens_total", "counter", "Tokens written.", statistics.writtenTokens)
    value(
      "needletail_preemptions_total", "counter", "Choices put back because pages ran out.",
      statistics.preemptions)
    value("needletail_steps_total", "counter", "Steps of the engine.", statistics.steps)
    return text
  }
}

/// The times of one request for text.
struct RequestClock {
  private let metrics: ServerMetrics
  private let start = ContinuousClock.now
  private var first: ContinuousClock.Instant?

  init(_ metrics: ServerMetrics) { self.metrics = metrics }

  /// A token came.
  mutating func token() {
    guard first == nil else { return }
    let now = ContinuousClock.now
    first = now
    metrics.addFirstToken(now - start)
  }

  /// The answer is complete: so many tokens of so many choices.
  func finish(tokens: Int, choices: Int) {
    let now = ContinuousClock.now
    let gaps = tokens - choices
    let perToken = first.flatMap { gaps > 0 ? (now - $0) * choices / gaps : nil }
    metrics.addAnswer(now - start, perToken: perToken)
  }
}
