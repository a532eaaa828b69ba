import Corpus
import Tokenizers

/// What a task is made from.
package struct TaskInput: Sendable {
  package let files: [String]
  package let tokenizer: any Tokenizer
  /// Tokens that the model reads at once.
  package let context: Int
  /// Targets that each window scores, where windows overlap; nil: all.
  package var stride: Int?
  /// Whether all tokens of a last word count, and not the last of them alone.
  package var isStrict = true
  /// Whether invalid UTF-8 becomes U+FFFD instead of an error.
  package var replacesInvalidText = false

  package init(files: [String], tokenizer: any Tokenizer, context: Int) {
    self.files = files
    self.tokenizer = tokenizer
    self.context = context
  }

  /// For messages.
  var place: String { files.joined(separator: ", ") }

  /// The files' documents as UTF-8. Throws when there is none.
  func documents(_ format: InputFormat?, key: String = "text") throws -> [[UInt8]] {
    var reader = try TextDocuments(
      files, options: InputOptions(format: format, textKey: key, replacesInvalidText: replacesInvalidText))
    var documents: [[UInt8]] = []
    while let document = try reader.next() { documents.append(document) }
    guard !documents.isEmpty else { throw EvaluationFailure(place, "found no text to evaluate on") }
    return documents
  }

  /// Windows over `ids` as the stride says. Throws when it is none that a window could have.
  func slidingWindows(over ids: [Int32]) throws(EvaluationFailure) -> [Window] {
    let stride = stride ?? context
    guard (1...context).contains(stride) else {
      throw EvaluationFailure(
        "stride \(stride)", "a window of this model scores from 1 to \(context) tokens; choose one of those")
    }
    guard ids.count > 1 else {
      throw EvaluationFailure(place, "found no text to evaluate on: \(ids.count) tokens, 2 are the least")
    }
    return .sliding(over: ids, length: context, stride: stride)
  }

  /// A continuation behind its context. Throws when one of the two is missing, or the model could not read the
  /// continuation.
  func window(_ context: [Int32], _ continuation: [Int32], document: Int) throws(EvaluationFailure) -> Window
  {
    let place = "\(place), document \(document + 1)"
    guard !context.isEmpty else { throw EvaluationFailure(place, "nothing stands before its last word") }
    guard !continuation.isEmpty else { throw EvaluationFailure(place, "has no last word") }
    guard continuation.count <= self.context else {
      throw EvaluationFailure(
        place, "its last word has \(continuation.count) tokens, the model reads \(self.context) at once")
    }
    return Window(context: context, continuation: continuation, length: self.context)
  }
}
