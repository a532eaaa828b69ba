/// Why a run cannot start or go on, in a sentence that a user can act on.
package struct TrainingFailure: Error, CustomStringConvertible {
  package let description: String

  package init(_ sentence: String) { description = sentence }
}
