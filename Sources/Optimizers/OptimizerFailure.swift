/// A setting that cannot be trained with, in one sentence that a user can act on.
package struct OptimizerFailure: Error, CustomStringConvertible, Equatable {
  /// The field of the `Config` that is wrong, as Swift spells it.
  package let field: String
  package let reason: String

  package init(_ field: String, _ reason: String) {
    self.field = field
    self.reason = reason
  }

  package var description: String { "\(field) \(reason)" }

  /// Throws unless `isValid`; the sentence reads "`field` is `value`, expected `expectation`".
  static func check<Value>(
    _ field: String, _ value: Value, _ isValid: Bool, _ expectation: String
  ) throws(OptimizerFailure) {
    guard isValid else { throw OptimizerFailure(field, "is \(value), expected \(expectation)") }
  }
}
