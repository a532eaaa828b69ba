/// Who is computed in the next step, and in which pages.
///
/// Texts run in the order in which they came. Each step first gives every text that is being written its one token,
/// then what is left of the step's tokens to prompts, in parts where they are long. Where pages run out, the text that
/// came last gives its own back and waits: what it had written stands, and is read again.
struct Scheduler {
  let config: EngineConfig
  var pool: PagePool
  private(set) var waiting: [ActiveText] = []
  private(set) var running: [ActiveText] = []
  /// Texts that gave their place up until their readers keep up again.
  private(set) var paused: [ActiveText] = []
  private(set) var preemptions = 0
  private(set) var cachedTokens = 0

  /// A text's part of a step.
  struct Part {
    let text: ActiveText
    let tokens: Range<Int>
    /// Positions whose logits the plan asks for, and those whose hidden states.
    let logits: [Int]
    let hidden: Range<Int>
  }

  init(_ config: EngineConfig, pool: PagePool) {
    self.config = config
    self.pool = pool
  }

  var isEmpty: Bool { waiting.isEmpty && running.isEmpty && paused.isEmpty }

  mutating func add(_ text: ActiveText) { waiting.append(text) }

  /// Takes a choice that begins with pages of its own: it runs at once, or waits before those that have not begun.
  mutating func adopt(_ text: ActiveText) {
    for page in text.pages { pool.retain(page) }
    if running.count < config.runningLimit {
      running.append(text)
    } else {
      leave(text)
      waiting.insert(text, at: 0)
    }
  }

  /// Removes texts, whose pages others may have.
  mutating func remove(_ isOver: (ActiveText) -> Bool) {
    // Each is asked once: what asks may have told it so.
    waiting.removeAll(where: isOver)
    paused.removeAll(where: isOver)
    var kept: [ActiveText] = []
    for text in running {
      if isOver(text) { leave(text) } else { kept.append(text) }
    }
    running = kept
  }

  /// The next step: the plan, and which of its rows are whose.
  mutating func next() -> (plan: StepPlan, parts: [Part]) {
    var plan = StepPlan()
    var parts: [Part] = []
    var budget = config.stepTokens
    let before = preemptions
    // Those that write come first, whatever their place.
    for isWriting in [true, false] {
      for text in running where (text.uncomputed == 1) == isWriting && text.uncomputed > 0 && budget > 0 {
        let isStillRunning = preemptions == before || running.contains { $0 === text }
        guard isStillRunning, isAwaited(text) else { continue }
        budget -= schedule(text, atMost: budget, &plan, &parts)
      }
    }
    let awaited = paused.filter(isAwaited)
    if !awaited.isEmpty {
      paused.removeAll(where: isAwaited)
      waiting.insert(contentsOf: awaited, at: 0)
    }
    while budget > 0, let text = waiting.first {
      guard running.count < config.runningLimit, admit(text) else {
        guard pauseOne(sparing: parts) else { break }
        continue
      }
      waiting.removeFirst()
      running.append(text)
      budget -= schedule(text, atMost: budget, &plan, &parts)
    }
    return (plan, parts)
  }

  /// Whether its reader keeps up.
  private func isAwaited(_ text: ActiveText) -> Bool {
    text.owner.backlog <= config.backlogLimit
  }

  /// Adds up to `limit` of a text's tokens to a step; gives how many.
  private mutating func schedule(
    _ text: ActiveText, atMost limit: Int, _ plan: inout StepPlan, _ parts: inout [Part]
  ) -> Int {
    let count = min(limit, text.uncomputed), end = text.computed + count
    guard reserve(text, upTo: end, &plan, sparing: parts) else { return 0 }
    let first =
      plan.append(text.tokens[text.computed..<end], at: text.computed, pages: text.pages) - text.computed
    var wanted = Array(text.unscored(below: end))
    if end == text.tokens.count, wanted.last != end - 1, text.owner.onHidden == nil { wanted.append(end - 1) }
    plan.logitRows += wanted.map { Int32(first + $0) }
    let hidden = text.unsummed(below: end)
    plan.hiddenRows += hidden.map { Int32(first + $0) }
    parts.append(Part(text: text, tokens: text.computed..<end, logits: wanted, hidden: hidden))
    return count
  }

  /// Has the latest text whose reader is behind give its place to one that waits; false where there is none.
  private mutating func pauseOne(sparing parts: [Part]) -> Bool {
    let place = running.lastIndex { text in !isAwaited(text) && !parts.contains { $0.text === text } }
    guard let place else { return false }
    let text = running.remove(at: place)
    leave(text)
    paused.append(text)
    return true
  }

  // MARK: Pages

  /// Finds what is known of a waiting text, if there is room for the rest of its tokens.
  private mutating func admit(_ text: ActiveText) -> Bool {
    let (pages, place) =
      config.keepsPrefixes ? pool.match(text.tokens, limit: text.matchLimit) : ([], PagePool.Place.root)
    let needed = (text.tokens.count + pool.pageTokens - 1) / pool.pageTokens - pages.count
    guard needed <= pool.available else {
      for page in pages.reversed() { pool.release(page) }
      return false
    }
    text.pages = pages
    text.place = place
    text.knownPages = pages.count
    text.computed = pages.count * pool.pageTokens
    cachedTokens += text.computed
    text.cachedCount = text.cachedCount ?? text.computed
    return true
  }

  /// Gives a text pages of its own for the tokens below `end`; takes them from texts that came later, other than those
  /// that already have a part in the step. False where there is no room.
  private mutating func reserve(
    _ text: ActiveText, upTo end: Int, _ plan: inout StepPlan, sparing parts: [Part]
  ) -> Bool {
    let last = text.computed / pool.pageTokens
    if last < text.pages.count, pool.isShared(text.pages[last]) {
      guard let page = page(for: text, sparing: parts) else { return false }
      plan.copies.append((text.pages[last], page))
      pool.release(text.pages[last])
      text.pages[last] = page
    }
    while text.pages.count * pool.pageTokens < end {
      guard let page = page(for: text, sparing: parts) else { return false }
      text.pages.append(page)
    }
    return true
  }

  private mutating func page(for text: ActiveText, sparing parts: [Part]) -> Int32? {
    while true {
      if let page = pool.take() { return page }
      guard let victim = running.last(where: { other in !parts.contains { $0.text === other } }) else {
        return nil
      }
      preempt(victim)
      if victim === text { return nil }
    }
  }

  /// A running text waits again, before all that have not begun.
  private mutating func preempt(_ text: ActiveText) {
    preemptions += 1
    leave(text)
    running.removeAll { $0 === text }
    waiting.insert(text, at: 0)
  }

  /// Gives a text's pages back, the last first: beginnings are worth the most.
  private mutating func leave(_ text: ActiveText) {
    for page in text.pages.reversed() { pool.release(page) }
    text.pages = []
    text.knownPages = 0
    text.place = .root
    text.computed = 0
  }

  /// Notes that a part has been computed, and makes full pages known.
  mutating func finish(_ part: Part) {
    let text = part.text, size = pool.pageTokens
    text.computed = part.tokens.upperBound
    guard config.keepsPrefixes else { return }
    while (text.knownPages + 1) * size <= text.computed {
      let first = text.knownPages * size
      text.place = pool.publish(
        text.pages[text.knownPages], Array(text.tokens[first..<first + size]), behind: text.place)
      text.knownPages += 1
    }
  }
}
