/// Why a template cannot be read or rendered, in one sentence with the line where it is.
package struct TemplateFailure: Error, CustomStringConvertible, Equatable, Sendable {
  /// What was read: "template", or the name of a file.
  package let source: String
  /// Counted from 1; 0 where no line is to blame.
  package let line: Int
  /// For `raise_exception`, the template's own message.
  package let reason: String

  package init(source: String = "template", line: Int = 0, _ reason: String) {
    self.source = source
    self.line = line
    self.reason = reason
  }

  package var description: String {
    line > 0 ? "\(source), line \(line): \(reason)" : "\(source): \(reason)"
  }
}
