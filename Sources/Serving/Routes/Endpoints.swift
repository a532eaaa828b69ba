import Generation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Synchronization

/// What stands behind the routes.
final class Endpoints: Sendable {
  let config: ServerConfig
  let slot: ModelSlot
  let metrics = ServerMetrics()
  let runs = ActiveRuns()
  let gate: RequestGate
  private let draining = Atomic(false)

  init(_ config: ServerConfig, _ slot: ModelSlot) {
    self.config = config
    self.slot = slot
    gate = RequestGate(limit: config.limits.requests)
  }

  /// Whether the server takes no more connections.
  var isDraining: Bool { draining.load(ordering: .relaxed) }
  func startDraining() { draining.store(true, ordering: .relaxed) }

  func answer(_ request: Request, _ route: Route, _ context: ServingContext) async throws -> Response {
    switch route {
    case .page: page()
    case .health: health()
    case .metrics: prometheus()
    case .openAPI: openAPI()
    case .models: models(try slot.ready())
    case .model(let name): try model(name, try slot.ready())
    case .tokenizerInfo: tokenizerInfo(try slot.ready())
    case .completions: try await complete(request, context)
    case .chat: try await chat(request, context)
    case .embeddings: try await embed(request)
    case .tokenize: try await tokenize(request)
    case .detokenize: try await detokenize(request)
    }
  }

  func body(_ request: Request) async throws -> JSONValue {
    try await BodyReader.json(request, limit: config.limits.bodyBytes)
  }

  // MARK: Answers that are read

  private func page() -> Response {
    Response(
      status: .ok,
      headers: [
        .contentType: "text/html; charset=utf-8", .cacheControl: "no-cache",
        .contentSecurityPolicy: PagePolicy.text, .referrerPolicy: "no-referrer", .xFrameOptions: "DENY",
      ], body: ResponseBody(byteBuffer: ByteBuffer(string: "\(ChatPage.html)")))
  }

  private func health() -> Response {
    var output = JSONOutput()
    let status = slot.status
    output.raw(#"{"status":"#)
    output.string(status)
    output.raw("}")
    return .json(output, status: status == "ok" ? .ok : .serviceUnavailable)
  }

  private func prometheus() -> Response {
    let text = metrics.text(slot.model?.service.statistics, active: gate.count)
    return Response(
      status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  private func openAPI() -> Response {
    var output = JSONOutput(capacity: 32768)
    output.buffer.writeString(OpenAPIDocument(config, slot.model).text)
    return .json(output)
  }

  private func models(_ model: ServedModel) -> Response {
    var output = JSONOutput()
    output.raw(#"{"object":"list","data":["#)
    output.model(model)
    output.raw("]}")
    return .json(output)
  }

  private func model(_ name: String, _ model: ServedModel) throws(APIError) -> Response {
    try model.check(name)
    var output = JSONOutput()
    output.model(model)
    return .json(output)
  }
}

extension JSONOutput {
  fileprivate mutating func model(_ model: ServedModel) {
    raw(#"{"id":"#)
    string(model.name)
    raw(#","object":"model","created":"#)
    integer(model.created)
    raw(#","owned_by":"needletail","max_model_len":"#)
    integer(model.context)
    raw("}")
  }
}
