/// Why there is no plan: what was got, what was expected, what to do.
package struct PlanningFailure: Error, CustomStringConvertible, Equatable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }

  package var description: String { reason }
}
