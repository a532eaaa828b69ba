import Foundation

@testable import Templates

/// The files that Scripts/oracles/chat_templates.py wrote.
enum Fixture {
  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return Array(try Data(contentsOf: folder.appendingPathComponent("Fixtures/\(name)")))
  }

  static func json(_ name: String) throws -> TemplateValue {
    try TemplateValue(json: bytes(name), source: name)
  }

  /// The templates by the names that chat.json has for them.
  static func templates() throws -> [String: String] {
    var templates: [String: String] = [:]
    for builtIn in ChatTemplate.BuiltIn.allCases { templates["builtin:\(builtIn)"] = builtIn.source }
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/templates")
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
      templates[file.deletingPathExtension().lastPathComponent] = try String(
        contentsOf: file, encoding: .utf8)
    }
    return templates
  }

  /// What the script gives to `strftime_now`.
  static let date = TemplateDate(year: 2024, month: 7, day: 26, hour: 9, minute: 5, second: 3)

  static func values(_ mapping: TemplateValue?) -> [String: TemplateValue] {
    guard case .mapping(let mapping)? = mapping else { return [:] }
    return Dictionary(mapping.entries.map { ($0.key, $0.value) }) { $1 }
  }

  /// The text of a rendered template, or its failure.
  static func result(_ source: String, _ values: [String: TemplateValue] = [:]) -> Result<
    String, TemplateFailure
  > {
    Result { () throws(TemplateFailure) in try Template(source).render(values, at: date) }
  }
}

/// What Jinja made of a template.
struct Expected {
  let text: String?
  /// Of `raise_exception`.
  let message: String?
  let line: Int?

  init(_ value: TemplateValue) {
    text = value["text"]?.text
    message = value["error"]?.text
    if case .integer(let line)? = value["line"] { self.line = line } else { line = nil }
  }

  /// What differs, in words; nil where nothing does.
  func difference(from result: Result<String, TemplateFailure>) -> String? {
    switch (result, text) {
    case (.success(let got), let text?):
      return got.utf8.elementsEqual(text.utf8)
        ? nil : "got \(got.debugDescription), expected \(text.debugDescription)"
    case (.success(let got), nil): return "got \(got.debugDescription), expected an error"
    case (.failure(let failure), _?): return "got the error \(failure)"
    case (.failure(let failure), nil):
      if let message, failure.reason != message { return "got the error \(failure), expected \(message)" }
      if let line, failure.line != line { return "got the error \(failure), expected it on line \(line)" }
      return nil
    }
  }
}
