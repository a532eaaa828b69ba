/// Hands texts to SentencePiece's trainer in the stretches it can take.
///
/// Cut out are line ends, tabs and NUL, bytes that are not UTF-8, and U+2581 and U+2585, which the trainer
/// keeps for itself: all of them are byte pieces in the model. Long lines are cut at a space.
final class SentenceFeed {
  /// The longest stretch in bytes.
  static let longest = 1 << 16

  private let nextDocument: () -> [UInt8]?
  private var document: [UInt8] = []
  private var position = 0
  /// What the trainer is looking at.
  private let current = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: longest)

  init(_ documents: some Sequence<[UInt8]>) {
    var iterator = documents.makeIterator()
    nextDocument = { iterator.next() }
  }

  deinit { current.deallocate() }

  /// The callback: 1 and the next stretch, or 0 at the end.
  static let next:
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<Int>?
    ) -> Int32 = { context, text, count in
      guard let context else { return 0 }
      let feed = Unmanaged<SentenceFeed>.fromOpaque(context).takeUnretainedValue()
      guard let stretch = feed.advance() else { return 0 }
      text?.pointee = UnsafePointer(feed.current.baseAddress)
      count?.pointee = stretch.count
      return 1
    }

  /// The next stretch, also in `current`.
  private func advance() -> ArraySlice<UInt8>? {
    while true {
      while position >= document.count {
        guard let next = nextDocument() else { return nil }
        document = next
        position = 0
      }
      let range = stretch()
      guard !range.isEmpty else { continue }
      for (offset, index) in range.enumerated() { current[offset] = document[index] }
      return document[range]
    }
  }

  /// The next stretch from `position`, which moves behind it and what follows it.
  private func stretch() -> Range<Int> {
    let document = document
    let text = document.span
    let start = position
    var lastSpace = start
    while position < text.count {
      let (scalar, length) = UTF8Scalar.read(text, at: position, before: text.count)
      switch scalar {
      case _ where length == 0, 0, 0x09, 0x0A, 0x0D, 0x2581, 0x2585:
        let end = position
        position += max(length, 1)
        return start..<end
      case 0x20: lastSpace = position
      default: break
      }
      if position + length - start > Self.longest {
        if lastSpace > start { position = lastSpace }
        return start..<position
      }
      position += length
    }
    return start..<position
  }
}
