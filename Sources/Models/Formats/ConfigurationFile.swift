import Files
import JSON

/// A file with a JSON object, as other programs keep configurations.
enum ConfigurationFile {
  private static let sizeLimit = 1 << 20

  /// The members of the object in file `path`. Throws when there is no such file or it holds something else.
  static func read(_ path: String) throws -> [String: JSONValue] {
    func failure(_ what: String) -> ModelDirectory.Failure {
      ModelDirectory.Failure(description: "\(path): \(what)")
    }
    let file = try MappedFile(path)
    guard file.count <= sizeLimit else {
      throw failure("has \(file.count) bytes, expected a configuration of at most \(sizeLimit)")
    }
    var options = JSONParser.Options.strict
    options.allowsByteOrderMark = true
    let value: JSONValue
    do throws(JSONParser.Fault) {
      value = try JSONParser.parse(file.contents, options)
    } catch {
      throw failure(
        "has \(error.got) on line \(error.line) (byte \(error.position)), expected \(error.expected); "
          + "it was damaged or is not a JSON object")
    }
    guard let members = value.members else {
      throw failure("is \(value.brief) and not a JSON object; it is not a model's configuration")
    }
    return members.byKey
  }

  /// Writes the object `members` to `path`, its keys in order.
  static func write(_ members: [String: JSONValue], to path: String) throws {
    let file = try AtomicFile(path)
    try file.write(JSONWriter.pretty(JSONValue(members)))
    try file.write("\n")
    try file.commit()
  }
}
