import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What a request's context is: its connection.
struct ServingContext: InitializableFromSource {
  let channel: any Channel
  let logger: Logger

  init(source: ApplicationRequestContextSource) {
    channel = source.channel
    logger = source.logger
  }
}

/// Answers every request: finds its route, checks its key, and turns errors into answers.
struct Responder: HTTPResponder {
  let endpoints: Endpoints

  private var config: ServerConfig { endpoints.config }

  func respond(to request: Request, context: ServingContext) async throws -> Response {
    let route = request.uri.path.removingPercentEncoding.flatMap(Route.init(path:))
    var response: Response
    do {
      response = try await answer(request, route, context)
    } catch let error as APIError {
      response = Self.response(error)
    } catch AnswerInterruption.shutdown {
      response = Self.response(.unavailable("the server is shutting down"))
    } catch AnswerInterruption.clientIsGone {
      // Nobody reads it; the status (nginx's) is for the figures.
      response = Response(status: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request"))
    } catch {
      // What is wrong inside is for the log alone.
      context.logger.error(
        "a request failed", metadata: ["route": "\(route?.label ?? "none")", "error": "\(error)"])
      response = Self.response(.internalError)
    }
    endpoints.metrics.count(route?.label ?? "none", status: response.status.code)
    response.headers[.xContentTypeOptions] = "nosniff"
    if !config.corsOrigins.isEmpty { response.headers[.vary] = "Origin" }
    if let origin = allowedOrigin(request) { response.headers[.accessControlAllowOrigin] = origin }
    if endpoints.isDraining { response.headers[.connection] = "close" }
    context.logger.debug(
      "answered",
      metadata: [
        "method": "\(request.method)", "route": "\(route?.label ?? "none")",
        "status": "\(response.status.code)",
      ])
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func answer(_ request: Request, _ route: Route?, _ context: ServingContext) async throws -> Response
  {
    guard let route else {
      if request.method == .options, request.uri.path == "*" {
        return Response(status: .noContent, headers: [.allow: "GET, HEAD, POST, OPTIONS"])
      }
      throw APIError.notFound("there is nothing at this address")
    }
    if request.method == .options { return preflight(request, route) }
    let isTaken =
      route.isPosted ? request.method == .post : request.method == .get || request.method == .head
    guard isTaken else {
      throw APIError.methodNotAllowed(request.method.rawValue, allowed: route.methods)
    }
    if !route.isOpen { try authorize(request) }
    return try await endpoints.answer(request, route, context)
  }

  private func authorize(_ request: Request) throws(APIError) {
    if config.keys.isEmpty { return }
    let header = request.headers[.authorization] ?? ""
    guard header.count > 7, header.prefix(7).lowercased() == "bearer ",
      config.keys.accept(String(header.dropFirst(7)))
    else { throw .unauthorized }
  }

  // MARK: Other origins

  private func allowedOrigin(_ request: Request) -> String? {
    guard !config.corsOrigins.isEmpty, let origin = request.headers[.origin] else { return nil }
    return config.corsOrigins.contains(origin) || config.corsOrigins.contains("*") ? origin : nil
  }

  private func preflight(_ request: Request, _ route: Route) -> Response {
    var headers: HTTPFields = [.allow: route.methods]
    if allowedOrigin(request) != nil {
      headers[.accessControlAllowMethods] = route.methods
      headers[.accessControlAllowHeaders] = "Authorization, Content-Type"
      headers[.accessControlMaxAge] = "600"
    }
    return Response(status: .noContent, headers: headers)
  }

  // MARK: Errors

  static func response(_ error: APIError) -> Response {
    var output = JSONOutput()
    output.error(error)
    var response = Response.json(output, status: error.status)
    for field in error.headers { response.headers.append(field) }
    return response
  }
}

extension Response {
  static func json(_ output: JSONOutput, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: output.buffer))
  }
}
