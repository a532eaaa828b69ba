import Files

/// Cuts inputs, one after another, into documents; memory grows to the largest document.
struct RawDocuments {
  private let paths: [String]
  private let options: InputOptions
  private var nextPath = 0
  private var current: Input?
  /// Bytes of the finished inputs.
  private var finished = 0

  /// Bytes on the disk of all inputs, compressed where they are.
  let total: Int
  /// Bytes of them read so far.
  var consumed: Int { finished + (current?.stream.consumed ?? 0) }

  /// An input being read.
  private struct Input {
    let path: String
    let format: InputFormat
    let stream: any ByteStream
    var lines: LineReader
  }

  /// Checks that every input can be opened, so that a missing one is told before hours of work.
  init(_ paths: [String], options: InputOptions) throws {
    guard !paths.isEmpty else { throw CorpusFailure("input", "expected at least one file") }
    self.paths = paths
    self.options = options
    var total = 0
    for path in paths { total += try MappedFile(path).count }
    self.total = total
  }

  mutating func next() throws -> RawDocument? {
    while true {
      if current == nil {
        guard nextPath < paths.count else { return nil }
        try open(paths[nextPath])
        nextPath += 1
      }
      if let document = try readDocument() { return document }
      finished += current?.stream.consumed ?? 0
      current = nil
    }
  }

  private mutating func open(_ path: String) throws {
    let stream = try Compression.open(path)
    current = Input(
      path: path, format: options.format ?? InputFormat(path: path), stream: stream, lines: LineReader(stream)
    )
  }

  private mutating func readDocument() throws -> RawDocument? {
    guard let format = current?.format, let path = current?.path else { return nil }
    var document = RawDocument(bytes: [], path: path, format: format)
    switch format {
    case .text, .html: try readWhole(&document)
    case .lines, .jsonl: try readLine(&document)
    case .paragraphs: try readParagraph(&document)
    }
    return document.bytes.isEmpty ? nil : document
  }

  private mutating func readWhole(_ document: inout RawDocument) throws {
    var chunk: [UInt8] = []
    while let stream = current?.stream, try stream.read(into: &chunk) {
      document.bytes.append(contentsOf: chunk)
    }
    document.offset = document.bytes.dropByteOrderMark()
  }

  private mutating func readLine(_ document: inout RawDocument) throws {
    while let line = try nextLine() {
      if !line.isBlank { return begin(&document, with: line) }
    }
  }

  private mutating func readParagraph(_ document: inout RawDocument) throws {
    while let line = try nextLine() {
      guard !line.isBlank else {
        if document.bytes.isEmpty { continue }
        return
      }
      if document.bytes.isEmpty {
        begin(&document, with: line)
      } else {
        document.bytes.append(0x0A)
        document.bytes.append(contentsOf: line)
      }
    }
  }

  /// The next line of the input without its line end.
  private mutating func nextLine() throws -> [UInt8]? {
    guard var line = try current?.lines.next() else { return nil }
    if line.last == 0x0D { line.removeLast() }
    return line
  }

  private func begin(_ document: inout RawDocument, with line: [UInt8]) {
    document.bytes = line
    document.line = current?.lines.line ?? 1
    document.offset = current?.lines.offset ?? 0
  }
}

extension [UInt8] {
  /// Nothing but spaces and tabs.
  fileprivate var isBlank: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 } }
}
