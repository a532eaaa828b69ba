import FoundationEssentials
import Logging
import NIOCore
import Synchronization
import Testing

@testable import Serving

/// A server that runs while a test does.
struct Served: Sendable {
  let port: Int
  let server: Server
  let slot: ModelSlot

  static func model(
    _ service: ScriptedService, tokenizer: ByteTokenizer = ByteTokenizer(),
    chat: PlainTemplate? = PlainTemplate()
  ) -> ServedModel {
    ServedModel(
      name: "tiny", created: 1_700_000_000, tokenizer: tokenizer, service: service, chat: chat)
  }

  static func with(
    _ service: ScriptedService, tokenizer: ByteTokenizer = ByteTokenizer(), hasTemplate: Bool = true,
    config: ServerConfig = ServerConfig(), _ body: @Sendable (Served) async throws -> Void
  ) async throws {
    try await with(
      ModelSlot(model(service, tokenizer: tokenizer, chat: hasTemplate ? PlainTemplate() : nil)),
      config: config, body)
  }

  static func with(
    _ slot: ModelSlot, config: ServerConfig = ServerConfig(), _ body: @Sendable (Served) async throws -> Void
  ) async throws {
    var config = config
    config.port = 0
    let (ports, report) = AsyncStream<Int>.makeStream()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = Server(config, slot, logger: logger) { report.yield($0) }
    let running = Task { try await server.run() }
    var iterator = ports.makeAsyncIterator()
    let port = try #require(await iterator.next())
    do {
      try await body(Served(port: port, server: server, slot: slot))
    } catch {
      server.shutdown()
      try await running.value
      throw error
    }
    server.shutdown()
    try await running.value
  }

  /// Asks once, on a connection of its own.
  func ask(_ method: String, _ path: String, _ body: String? = nil, _ headers: [String: String] = [:])
    async throws -> Reply
  {
    try await Wire.with(port) { wire in
      try await wire.send(Self.request(method, path, body, headers))
      return try await wire.reply(hasBody: method != "HEAD")
    }
  }

  func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Reply {
    try await ask("GET", path, nil, headers)
  }

  func post(_ path: String, _ body: String, _ headers: [String: String] = [:]) async throws -> Reply {
    try await ask("POST", path, body, headers)
  }

  static func request(_ method: String, _ path: String, _ body: String?, _ headers: [String: String] = [:])
    -> String
  {
    var fields = headers
    fields["Host"] = "localhost"
    if let body {
      fields["Content-Length"] = fields["Content-Length"] ?? String(body.utf8.count)
      fields["Content-Type"] = fields["Content-Type"] ?? "application/json"
    }
    let lines = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
    return "\(method) \(path) HTTP/1.1\r\n\(lines)\r\n\(body ?? "")"
  }
}

/// Waits until something holds, for some seconds.
func eventually(_ what: String, _ holds: () -> Bool) async throws {
  for _ in 0..<5000 {
    if holds() { return }
    try await Task.sleep(for: .milliseconds(2))
  }
  Issue.record("\(what) never came true")
}
