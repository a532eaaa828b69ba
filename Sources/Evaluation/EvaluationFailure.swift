/// What keeps a model from being measured, one sentence: where, what was got, what was expected.
package struct EvaluationFailure: Error, CustomStringConvertible {
  package let description: String

  init(_ place: String, _ problem: String) { description = "\(place): \(problem)" }
}
