import FoundationEssentials
import Testing

@testable import Serving

/// Serves a scripted model for clients that are written by others (schemathesis, the openai package, lm_eval), when
/// asked to: `NEEDLETAIL_SERVE_PORT=8090 NEEDLETAIL_SERVE_SECONDS=600 swift test --filter ServeForOtherTools`.
@Suite("For other tools")
struct ServeForOtherTools {
  @Test(
    "serve a model that writes what it read",
    .enabled(if: ProcessInfo.processInfo.environment["NEEDLETAIL_SERVE_PORT"] != nil))
  func serve() async throws {
    let environment = ProcessInfo.processInfo.environment
    var config = ServerConfig()
    config.port = try #require(environment["NEEDLETAIL_SERVE_PORT"].flatMap { Int($0) })
    let seconds = environment["NEEDLETAIL_SERVE_SECONDS"].flatMap { Int($0) } ?? 60
    let service = ScriptedService(context: 1 << 20) { request, _ in
      request.prompt.filter { $0 < 256 } + [ByteTokenizer.end]
    }
    let model = Served.model(service, chat: PlainTemplate(refusesTools: false))
    let server = Server(config, ModelSlot(model))
    let running = Task { try await server.run() }
    try await Task.sleep(for: .seconds(seconds))
    server.shutdown()
    try await running.value
  }
}
