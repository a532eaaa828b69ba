import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import NIOHTTP1

/// Reads a request's body, if it is JSON and not too large.
enum BodyReader {
  static func json(_ request: Request, limit: Int) async throws -> JSONValue {
    guard isJSON(request.headers) else { throw APIError.notJSON }
    let bytes = try await bytes(request, limit: limit)
    guard !bytes.isEmpty else { throw APIError.invalid("the body is empty, expected a JSON object") }
    do throws(JSONParser.Fault) {
      return try JSONParser.parse(bytes)
    } catch {
      throw APIError.invalid("the body is not valid JSON: \(error)")
    }
  }

  /// Never holds more than `limit` bytes.
  private static func bytes(_ request: Request, limit: Int) async throws -> [UInt8] {
    if let text = request.headers[.contentLength], let length = Int(text), length > limit {
      throw APIError.tooLarge(limit: limit)
    }
    var bytes: [UInt8] = []
    do {
      for try await part in request.body {
        guard bytes.count + part.readableBytes <= limit else { throw APIError.tooLarge(limit: limit) }
        bytes.append(contentsOf: part.readableBytesView)
      }
    } catch is HTTPParserError {
      throw APIError.invalid(
        "the body does not arrive as HTTP wants it: its chunks or its transfer coding are wrong")
    }
    return bytes
  }

  /// A type that is not said is taken for JSON.
  private static func isJSON(_ headers: HTTPFields) -> Bool {
    if let encoding = headers[.contentEncoding], encoding.lowercased() != "identity" { return false }
    guard let text = headers[.contentType] else { return true }
    let parts = text.lowercased().split(separator: ";").map { part in
      String(part.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
    guard let type = parts.first else { return true }
    guard type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json")) else {
      return false
    }
    let charset = parts.dropFirst().first { $0.hasPrefix("charset=") }
    return charset.map { ["charset=utf-8", "charset=\"utf-8\"", "charset=utf8"].contains($0) } ?? true
  }
}
