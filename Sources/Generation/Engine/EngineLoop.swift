import Synchronization
import Tensors

/// The steps of an engine, one after the other, on the thread that leads the model.
final class EngineLoop {
  var scheduler: Scheduler
  /// Choices that ended since somebody last asked.
  var ended = 0
  private let runner: ModelRunner
  private var counted = GenerationStatistics()

  init(_ runner: ModelRunner, _ scheduler: Scheduler) {
    self.runner = runner
    self.scheduler = scheduler
  }

  /// Runs a step; false where there was nothing to compute.
  func step() -> Bool {
    dropCancelled()
    let (plan, parts) = scheduler.next()
    guard !parts.isEmpty else { return false }
    var rows = parts.flatMap { part in part.logits.map { (part.text, $0) } }.makeIterator()
    var hidden = parts.flatMap { part in part.hidden.map { _ in part.text } }.makeIterator()
    var over: [ActiveText] = []
    var born: [ActiveText] = []
    runner.run(plan) { logits in
      for row in 0..<logits.rows {
        guard let (text, position) = rows.next() else { return }
        let own = logits.rows(row..<row + 1).reshaped(Shape(logits.columns))
        if position < text.promptCount - 1 {
          score(text, position, own)
        } else if write(text, own, &born) {
          over.append(text)
        }
      }
    } hidden: { states in
      for row in 0..<states.rows {
        if let text = hidden.next() { Self.add(states.rows(row..<row + 1).floats, to: text) }
      }
    }
    for part in parts { scheduler.finish(part) }
    for text in born {
      text.computed = text.promptCount
      scheduler.adopt(text)
    }
    finishHidden(parts, &over)
    if !over.isEmpty { scheduler.remove { text in over.contains { $0 === text } } }
    counted.steps += 1
    return true
  }

  // MARK: What logits become

  private func score(_ text: ActiveText, _ position: Int, _ logits: Tensor) {
    let id = text.tokens[position + 1], request = text.owner.request
    text.promptScores.append(
      TokenScore(id: id, logits: logits, alternatives: request.promptAlternatives ?? 0))
  }

  /// Writes a token, and those of the choices that begin here; whether the text has ended.
  private func write(_ text: ActiveText, _ logits: Tensor, _ born: inout [ActiveText]) -> Bool {
    if text.writtenCount == 0 {
      counted.promptTokens += text.promptCount
      text.owner.tell(.prompt(cached: text.cachedCount ?? 0, text.promptScores))
    }
    for choice in text.unborn {
      let child = ActiveText(text, choice: choice)
      let copy = Tensor(uninitialized: logits.shape, on: logits.device)
      copy.copyRows(from: logits)
      if !extend(child, copy) { born.append(child) }
    }
    text.unborn = 0..<0
    return extend(text, logits)
  }

  /// Appends the token that the sampler takes; whether the choice has ended with it.
  private func extend(_ text: ActiveText, _ logits: Tensor) -> Bool {
    let request = text.owner.request
    if text.owner.isCancelled(text.choice) { return end(text, .cancelled) }
    guard request.maximumTokens > 0 else { return end(text, .length) }
    let score = text.sampler.next(logits)
    counted.writtenTokens += 1
    if request.stops.contains(score.id) { return end(text, .stop(score.id)) }
    text.append(score.id)
    text.owner.tell(.token(choice: text.choice, score))
    return text.writtenCount == request.maximumTokens ? end(text, .length) : false
  }

  private func end(_ text: ActiveText, _ reason: GenerationEnd) -> Bool {
    ended += 1
    text.owner.tell(.end(choice: text.choice, reason))
    return true
  }

  private func dropCancelled() {
    scheduler.remove { text in
      let choices = [text.choice] + Array(text.unborn)
      guard choices.allSatisfy(text.owner.isCancelled) else { return false }
      for choice in choices {
        ended += 1
        text.owner.tell(.end(choice: choice, .cancelled))
      }
      return true
    }
  }

  // MARK: Hidden states

  private static func add(_ row: [Float], to text: ActiveText) {
    if text.hiddenSum.isEmpty { text.hiddenSum = [Float](repeating: 0, count: row.count) }
    for index in row.indices { text.hiddenSum[index] += row[index] }
    text.hiddenCount += 1
  }

  private func finishHidden(_ parts: [Scheduler.Part], _ over: inout [ActiveText]) {
    for text in parts.map(\.text) {
      guard let onHidden = text.owner.onHidden, text.hiddenCount == text.promptCount else { continue }
      let length = text.hiddenSum.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      onHidden(text.hiddenSum.map { length > 0 ? Float(Double($0) / length) : 0 })
      counted.promptTokens += text.promptCount
      _ = end(text, .length)
      over.append(text)
    }
  }

  // MARK: Figures

  func report(to shared: borrowing Mutex<GenerationStatistics>, newRequests: Int) {
    counted.requests += newRequests
    counted.waiting = scheduler.waiting.count
    counted.running = scheduler.running.count
    counted.pages = scheduler.pool.count
    counted.usedPages = scheduler.pool.usedCount
    counted.keptPages = scheduler.pool.keptCount
    counted.cachedTokens = scheduler.cachedTokens
    counted.preemptions = scheduler.preemptions
    let now = counted
    shared.withLock { $0 = now }
  }
}
