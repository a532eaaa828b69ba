/// Where a parameter lies in the arena.
package struct ParameterRange: Sendable, Equatable {
  package let name: String
  package let range: Range<Int>

  package init(_ name: String, _ range: Range<Int>) {
    self.name = name
    self.range = range
  }
}
