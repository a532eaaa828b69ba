/// What went wrong with MPI, in one sentence that a user can act on.
package struct MPIFailure: Error, CustomStringConvertible, Equatable {
  package let description: String

  package init(_ description: String) { self.description = description }
}
