/// Splits a stream at line feeds; memory grows to one chunk and one line.
struct LineReader {
  private let stream: any ByteStream
  private var chunk: [UInt8] = []
  private var position = 0
  /// The number of the line last read, from 1.
  private(set) var line = 0
  /// The place in the content where that line starts.
  private(set) var offset = 0
  private var nextOffset = 0

  init(_ stream: any ByteStream) { self.stream = stream }

  /// The next line without its line feed, or nil at the end.
  mutating func next() throws(CorpusFailure) -> [UInt8]? {
    var bytes: [UInt8] = []
    var isLine = false
    while true {
      if position == chunk.count {
        guard try stream.read(into: &chunk) else { break }
        position = 0
      }
      isLine = true
      if let end = chunk[position...].firstIndex(of: 0x0A) {
        bytes.append(contentsOf: chunk[position..<end])
        position = end + 1
        return advanced(past: bytes, lineEnd: 1)
      }
      bytes.append(contentsOf: chunk[position...])
      position = chunk.count
    }
    position = chunk.count
    return isLine ? advanced(past: bytes, lineEnd: 0) : nil
  }

  private mutating func advanced(past bytes: [UInt8], lineEnd: Int) -> [UInt8] {
    line += 1
    offset = nextOffset
    nextOffset += bytes.count + lineEnd
    guard line == 1 else { return bytes }
    var first = bytes
    offset = first.dropByteOrderMark()
    return first
  }
}

extension [UInt8] {
  /// Drops the mark some editors put before UTF-8 text, and says how many bytes it took.
  mutating func dropByteOrderMark() -> Int {
    guard starts(with: [0xEF, 0xBB, 0xBF]) else { return 0 }
    removeFirst(3)
    return 3
  }
}
