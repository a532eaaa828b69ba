import Generation
import Synchronization

/// Events on their way from the engine's thread to the task that writes a response.
///
/// The engine never waits here; it is told how many events wait, so that it pauses a request whose reader is slow.
final class Mailbox: Sendable {
  struct Entry: Sendable {
    /// Which of the request's prompts it is about.
    let prompt: Int
    let event: GenerationEvent
  }

  enum Closing: Sendable {
    case clientIsGone
    case shutdown
  }

  enum Delivery: Sendable {
    /// All that came since the last time, at least one.
    case entries([Entry])
    case closed(Closing)
  }

  private struct State {
    var entries: [Entry] = []
    /// By prompt: entries that wait.
    var waiting: [Int]
    var reader: CheckedContinuation<Void, Never>?
    var closing: Closing?
  }

  private let state: Mutex<State>
  /// By prompt, once they were taken. The lock also orders what they are told.
  private let tickets = Mutex<[any GenerationTicket]>([])

  /// The engine is told each time that so many more events wait.
  private static let reportEvery = 32

  init(prompts: Int) { state = Mutex(State(waiting: Array(repeating: 0, count: prompts))) }

  func add(_ ticket: any GenerationTicket) { tickets.withLock { $0.append(ticket) } }

  func cancel() {
    for ticket in tickets.withLock({ $0 }) { ticket.cancel() }
  }

  func cancel(choice: Int, ofPrompt prompt: Int) {
    let ticket = tickets.withLock { prompt < $0.count ? $0[prompt] : nil }
    ticket?.cancel(choice: choice)
  }

  /// Called by the engine's thread, which may hold no lock that its tickets need.
  func put(_ event: GenerationEvent, prompt: Int) {
    let (reader, isFarBehind) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
      if state.closing != nil { return (nil, false) }
      state.entries.append(Entry(prompt: prompt, event: event))
      state.waiting[prompt] += 1
      defer { state.reader = nil }
      return (state.reader, state.waiting[prompt].isMultiple(of: Self.reportEvery))
    }
    reader?.resume()
    if isFarBehind { reportBacklog() }
  }

  /// Tells the engine how many events wait now.
  func reportBacklog() {
    tickets.withLock { tickets in
      let waiting = state.withLock { $0.waiting }
      for (ticket, count) in zip(tickets, waiting) { ticket.setBacklog(count) }
    }
  }

  /// No more is read: the client is gone, or the server ends.
  func close(_ closing: Closing) {
    let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
      if state.closing == nil { state.closing = closing }
      state.entries = []
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume()
  }

  /// Waits until something came. By one reader at a time.
  func take() async -> Delivery {
    await withTaskCancellationHandler {
      while true {
        if let delivery = next() { return delivery }
        await withCheckedContinuation { continuation in
          let isReady = state.withLock { state in
            if !state.entries.isEmpty || state.closing != nil { return true }
            state.reader = continuation
            return false
          }
          if isReady { continuation.resume() }
        }
      }
    } onCancel: {
      close(.clientIsGone)
    }
  }

  private func next() -> Delivery? {
    state.withLock { state in
      if let closing = state.closing { return .closed(closing) }
      if state.entries.isEmpty { return nil }
      defer {
        state.entries = []
        for prompt in state.waiting.indices { state.waiting[prompt] = 0 }
      }
      return .entries(state.entries)
    }
  }
}
