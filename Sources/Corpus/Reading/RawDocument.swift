/// One document as it lies in its input, still to be decoded; cheap to make, so that one thread can cut
/// documents for many that decode them.
struct RawDocument: Sendable, Equatable {
  var bytes: [UInt8]
  var path: String
  var format: InputFormat
  /// The line it starts at, from 1.
  var line = 1
  /// The byte of the content it starts at.
  var offset = 0
}
