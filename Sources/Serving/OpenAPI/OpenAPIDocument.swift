/// The server's OpenAPI document.
enum OpenAPIDocument {
  static func text(_ limits: RequestLimits) -> String { "{}" }
}
