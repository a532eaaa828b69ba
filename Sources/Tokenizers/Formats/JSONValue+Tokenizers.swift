import JSON

extension JSONValue {
  /// The JSON of a tokenizer's file.
  ///
  /// - Parameter source: the name of the file, for messages.
  init(_ bytes: [UInt8], source: String) throws(TokenizerFailure) {
    do throws(JSONParser.Fault) {
      self = try JSONParser.parse(bytes, .lenient)
    } catch {
      throw TokenizerFailure(source, "not valid JSON: \(error); the file is damaged")
    }
  }
}
