/// What is wrong with a tokenizer's file or a request, in one sentence that a user can act on.
package struct TokenizerFailure: Error, CustomStringConvertible, Equatable {
  package let source: String
  package let reason: String

  package init(_ source: String, _ reason: String) {
    self.source = source
    self.reason = reason
  }

  package var description: String { "\(source): \(reason)" }
}
