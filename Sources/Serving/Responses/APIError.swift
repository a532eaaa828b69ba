import Generation
import HTTPTypes

/// What a client is told when it does not get what it asked for, in the shape of OpenAI's errors.
struct APIError: Error, Equatable {
  var status: HTTPResponse.Status
  /// OpenAI's class of error, such as `invalid_request_error`.
  var type: String
  var message: String
  /// The part of the request at fault.
  var parameter: String?
  var code: String?
  var headers = HTTPFields()

  static func invalid(_ message: String, parameter: String? = nil, code: String? = nil) -> APIError {
    APIError(
      status: .badRequest, type: "invalid_request_error", message: message, parameter: parameter, code: code)
  }

  static func missing(_ parameter: String) -> APIError {
    .invalid("\(parameter) is missing", parameter: parameter, code: "missing_required_parameter")
  }

  static func notFound(_ message: String, code: String? = nil) -> APIError {
    APIError(status: .notFound, type: "invalid_request_error", message: message, code: code)
  }

  static func methodNotAllowed(_ method: String, allowed: String) -> APIError {
    APIError(
      status: .methodNotAllowed, type: "invalid_request_error",
      message: "this address does not take \(method), expected \(allowed)", headers: [.allow: allowed])
  }

  static func tooLarge(limit: Int) -> APIError {
    APIError(
      status: .contentTooLarge, type: "invalid_request_error",
      message: "the body is larger than the limit of \(limit) bytes")
  }

  static let notJSON = APIError(
    status: .unsupportedMediaType, type: "invalid_request_error",
    message: "the body must be JSON in UTF-8: send Content-Type: application/json")

  static let slow = APIError(
    status: .requestTimeout, type: "invalid_request_error", message: "the body did not arrive in time",
    headers: [.connection: "close"])

  static let unauthorized = APIError(
    status: .unauthorized, type: "authentication_error",
    message: "a valid API key is needed: send Authorization: Bearer KEY", code: "invalid_api_key",
    headers: [.wwwAuthenticate: "Bearer"])

  static func busy(_ message: String) -> APIError {
    APIError(
      status: .tooManyRequests, type: "rate_limit_error", message: message, code: "rate_limit_exceeded",
      headers: [.retryAfter: "1"])
  }

  static func unavailable(_ message: String) -> APIError {
    APIError(
      status: .serviceUnavailable, type: "service_unavailable_error", message: message,
      headers: [.retryAfter: "1"])
  }

  /// What went wrong inside stays inside.
  static let internalError = APIError(
    status: .internalServerError, type: "server_error", message: "the server failed to answer this request")

  init(
    status: HTTPResponse.Status, type: String, message: String, parameter: String? = nil, code: String? = nil,
    headers: HTTPFields = HTTPFields()
  ) {
    self.status = status
    self.type = type
    self.message = message
    self.parameter = parameter
    self.code = code
    self.headers = headers
  }

  init(_ failure: GenerationFailure) {
    switch failure.kind {
    case .invalid: self = .invalid(failure.description, parameter: failure.parameter)
    case .busy: self = .busy(failure.description)
    case .closed: self = .unavailable(failure.description)
    }
  }
}

extension JSONOutput {
  mutating func error(_ error: APIError) {
    raw(#"{"error":{"message":"#)
    string(error.message)
    raw(#","type":"#)
    string(error.type)
    raw(#","param":"#)
    optional(error.parameter)
    raw(#","code":"#)
    optional(error.code)
    raw("}}")
  }
}
