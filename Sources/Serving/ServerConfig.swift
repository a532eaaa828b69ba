import NIOCore

/// How a server is run.
package struct ServerConfig: Sendable {
  package var host = "127.0.0.1"
  /// 0: one that is free.
  package var port = 8080
  /// SHA-256 hashes of the API keys; none: everybody is served.
  package var keys = APIKeys()
  /// Origins whose pages may use the API, such as `https://example.org`; `*`: all. None: CORS is off.
  package var corsOrigins: [String] = []
  package var limits = RequestLimits()
  package var timeouts = Timeouts()

  package init() {}

  /// Bounds of time.
  package struct Timeouts: Sendable {
    /// A connection without a request is closed after this.
    package var idle: Duration = .seconds(75)
    /// A request's head and body arrive within this, or the connection is closed.
    package var arrival: Duration = .seconds(30)
    /// A reader that takes nothing for this long is taken for gone.
    package var stall: Duration = .seconds(60)
    /// At a shutdown, running responses may take this long before they are ended.
    package var drain: Duration = .seconds(30)

    package init() {}
  }
}

/// What one request, and all together, may ask for.
package struct RequestLimits: Sendable {
  /// Bytes of a body.
  package var bodyBytes = 4 << 20
  /// Bytes of a request's header fields together, and how many there may be.
  package var headerBytes = 32 << 10
  package var headerFields = 100
  package var connections = 1024
  /// Requests for text or embeddings that are answered at once.
  package var requests = 512
  /// n
  package var choices = 128
  /// Prompts or inputs of one request.
  package var prompts = 1024
  /// Choices of one request, over all its prompts.
  package var totalChoices = 4096
  /// Stop strings, and characters of each.
  package var stops = 16
  package var stopCharacters = 256
  package var messages = 4096

  package init() {}
}
