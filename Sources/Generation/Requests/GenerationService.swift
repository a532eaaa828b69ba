/// Who continues prompts: the engine, or what stands in for one in tests.
package protocol GenerationService: Sendable {
  /// Tokens that a prompt and what is written may have together.
  var context: Int { get }

  /// Queues a request. Events come in order and from a thread of the service's; the handler returns quickly.
  ///
  /// Throws where the request can never run: no tokens, too many, ids that the model does not have, options out of
  /// range, or a queue that is full.
  func submit(
    _ request: GenerationRequest, handler: @escaping @Sendable (GenerationEvent) -> Void
  ) throws(GenerationFailure) -> any GenerationTicket

  /// The mean over a text's tokens of the last norm's output, scaled to length one. [width]
  func embed(_ ids: [Int32]) async throws(GenerationFailure) -> [Float]

  var statistics: GenerationStatistics { get }
}

/// A request that was taken.
package protocol GenerationTicket: Sendable {
  /// Ends all its choices, or one; each still gets its `.end`.
  func cancel()
  func cancel(choice: Int)

  /// Says that the reader is so many events behind: the service writes no more for it until it is told less.
  func setBacklog(_ events: Int)
}

/// Why a request is not taken.
package struct GenerationFailure: Error, CustomStringConvertible, Sendable {
  package enum Kind: Sendable {
    /// It can never run.
    case invalid
    /// It could run later.
    case busy
    /// The service is ending.
    case closed
  }
  package let kind: Kind
  /// The part of the request at fault, by the name that OpenAI's API gives it.
  package let parameter: String?
  package let description: String

  package init(_ kind: Kind, parameter: String? = nil, _ description: String) {
    self.kind = kind
    self.parameter = parameter
    self.description = description
  }
}

/// How a service is doing; counters only grow.
package struct GenerationStatistics: Sendable, Equatable {
  /// Choices that wait for room, and those that run.
  package var waiting = 0
  package var running = 0
  /// Pages of the key-value cache: all, those that running requests hold, and those kept for their prefix alone.
  package var pages = 0
  package var usedPages = 0
  package var keptPages = 0
  package var requests = 0
  package var promptTokens = 0
  /// Tokens of prompts that were found in the cache.
  package var cachedTokens = 0
  package var writtenTokens = 0
  package var preemptions = 0
  package var steps = 0

  package init() {}
}
