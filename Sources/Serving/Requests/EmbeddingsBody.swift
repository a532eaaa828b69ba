import JSON

/// What `POST /v1/embeddings` is asked.
struct EmbeddingsBody {
  var model: String?
  var inputs: [TextInput]
  /// Whether the numbers come as the base 64 of their bytes (f32, little-endian).
  var isBase64: Bool

  init(_ value: JSONValue, limits: RequestLimits, vocabulary: Int) throws(APIError) {
    let fields = try JSONFields(value)
    model = try fields.string("model")
    inputs = try TextInput.read("input", fields, limits: limits, vocabulary: vocabulary)
    let format = try fields.string("encoding_format") ?? "float"
    guard format == "float" || format == "base64" else {
      throw .invalid(
        "encoding_format is \(format.prefix(40).debugDescription), expected float or base64",
        parameter: "encoding_format")
    }
    isBase64 = format == "base64"
    if fields["dimensions"] != nil {
      throw .invalid(
        "dimensions is not supported: leave it out", parameter: "dimensions", code: "unsupported_value")
    }
    _ = try fields.string("user")
  }
}
