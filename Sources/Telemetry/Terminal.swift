#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where progress is shown: a terminal whose line can be rewritten, or a pipe or file whose lines stay.
package struct Terminal: Sendable {
  /// Whether a line can be rewritten.
  package let isInteractive: Bool
  private let descriptor: Int32
  private let sink: (@Sendable (String) -> Void)?
  private let fixedColumns: Int?

  package static let standardError = Terminal(descriptor: 2)
  package static let standardOutput = Terminal(descriptor: 1)

  private init(descriptor: Int32) {
    self.descriptor = descriptor
    let kind = getenv("TERM").map { String(cString: $0) }
    isInteractive = isatty(descriptor) == 1 && kind != "dumb"
    sink = nil
    fixedColumns = nil
  }

  /// A stand-in that hands text to `sink`.
  package init(isInteractive: Bool, columns: Int, sink: @escaping @Sendable (String) -> Void) {
    self.isInteractive = isInteractive
    self.sink = sink
    descriptor = -1
    fixedColumns = columns
  }

  /// Characters a line holds; people resize windows, so asked each time.
  package var columns: Int {
    if let fixedColumns { return fixedColumns }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes `text` as it is. Nobody can be told when the terminal itself is gone, so failures pass.
  package func write(_ text: String) {
    if let sink { return sink(text) }
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let written = systemWrite(descriptor, rest)
        if written < 0 && errno == EINTR { continue }
        guard written > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }

  /// One whole line; it replaces a progress line that stands there.
  package func writeLine(_ line: String) {
    write(isInteractive ? "\r\u{1B}[K\(line)\n" : "\(line)\n")
  }
}
