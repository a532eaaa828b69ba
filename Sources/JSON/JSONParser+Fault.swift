extension JSONParser {
  /// What is not as it should be, and where.
  package struct Fault: Error, Equatable, CustomStringConvertible, Sendable {
    /// Of the first byte of what was got, from 0.
    package let position: Int
    /// From 1.
    package let line: Int
    package let got: String
    package let expected: String

    package var description: String { "got \(got) at byte \(position), expected \(expected)" }
  }

  /// - Parameters:
  ///   - got: nil: the byte there.
  ///   - place: nil: where the parser is.
  func fault(_ expected: String, got: String? = nil, at place: Int? = nil) -> Fault {
    let place = place ?? position
    let byte = place < bytes.count ? "byte 0x" + String(bytes[place], radix: 16) : "the end"
    return Fault(
      position: place, line: bytes[..<place].reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }, got: got ?? byte,
      expected: expected)
  }
}
