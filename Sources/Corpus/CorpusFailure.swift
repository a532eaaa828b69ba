/// What is wrong with a dataset, an input or a request for samples, in one sentence.
package struct CorpusFailure: Error, CustomStringConvertible, Equatable {
  /// A file, a file and its line (`books.jsonl:12`), or an option.
  package let place: String
  package let reason: String

  package init(_ place: String, _ reason: String) {
    self.place = place
    self.reason = reason
  }

  package var description: String { "\(place): \(reason)" }
}
