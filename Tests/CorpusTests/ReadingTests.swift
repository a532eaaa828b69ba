import Testing

@testable import Corpus

/// Every document of `paths` as text.
func texts(_ paths: [String], _ options: InputOptions = InputOptions()) throws -> [String] {
  var documents = try TextDocuments(paths, options: options)
  var texts: [String] = []
  while let document = try documents.next() { texts.append(String(decoding: document, as: UTF8.self)) }
  return texts
}

@Suite struct ReadingTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test("a text file is one document, its bytes kept")
  func text() throws {
    let path = try scratch.write(" One\r\n\n two \n", to: "a.txt")
    let empty = try scratch.write("", to: "b.txt")
    #expect(try texts([empty, path, empty, path]) == [" One\r\n\n two \n", " One\r\n\n two \n"])
  }

  @Test("lines and paragraphs are documents when asked")
  func parts() throws {
    let path = try scratch.write("\u{FEFF}one\r\ntwo\n\n \t\n\nthree\n four", to: "a.txt")
    #expect(try texts([path], .init(format: .lines)) == ["one", "two", "three", " four"])
    #expect(try texts([path], .init(format: .paragraphs)) == ["one\ntwo", "three\n four"])
    #expect(try texts([path]) == ["one\r\ntwo\n\n \t\n\nthree\n four"])
  }

  @Test("a byte-order mark alone on the first line does not end the file")
  func mark() throws {
    let path = try scratch.write("\u{FEFF}\nrest", to: "a.txt")
    #expect(try texts([path], .init(format: .lines)) == ["rest"])
  }

  @Test("lines longer than a chunk, and cut by one, arrive whole")
  func longLines() throws {
    let lines = [3_000_000, 1, 1_048_576, 1_048_575, 7].map { String(repeating: "é", count: $0 / 2 + 1) }
    let path = try scratch.write(lines.joined(separator: "\n"), to: "a.txt")
    #expect(try texts([path], .init(format: .lines)) == lines)
  }

  @Test("the name tells the format")
  func formats() {
    let expected: [(String, InputFormat)] = [
      ("a/b.TXT", .text), ("a.jsonl.gz", .jsonl), ("a.json.zst", .jsonl), ("x.ndjson", .jsonl),
      ("i.HTM", .html),
      ("i.xhtml", .html), ("jsonl", .jsonl), ("a.gz", .text), ("", .text), ("a.html/b", .text),
    ]
    for (path, format) in expected where path != "jsonl" {
      #expect(InputFormat(path: path) == format, "\(path)")
    }
  }

  @Test("invalid UTF-8 is an error with file and byte, or is replaced when asked")
  func invalidText() throws {
    let path = try scratch.write([0x61, 0x62, 0xFF, 0x63], to: "bad.txt")
    #expect(message { _ = try texts([path]) }?.contains("bad.txt: invalid UTF-8 at byte 2") == true)
    #expect(try texts([path], .init(replacesInvalidText: true)) == ["ab\u{FFFD}c"])
    let late = try scratch.write("one\n\nab".utf8 + [0xC0, 0x80], to: "late.txt")
    #expect(message { _ = try texts([late], .init(format: .paragraphs)) }?.contains("at byte 7") == true)
    #expect(message { _ = try texts([late], .init(format: .lines)) }?.contains("at byte 7") == true)
  }

  @Test("a missing input is told before anything is read")
  func missing() throws {
    let path = try scratch.write("a", to: "a.txt")
    #expect(
      message { _ = try TextDocuments([path, scratch("none")]) }?.contains("none: cannot open") == true)
    #expect(throws: CorpusFailure.self) { try TextDocuments([]) }
    #expect(message { _ = try TextDocuments([scratch.path]) }?.contains("regular file") == true)
  }
}

@Suite struct CompressionTests {
  let scratch: Scratch
  let text = (0..<60_000).map { "line \($0 * 7919 % 10_007)\n" }.joined()

  init() throws {
    scratch = try Scratch()
    try scratch.write(text, to: "a")
  }

  @Test("gzip and Zstandard are read by content, in several members or frames")
  func readsBoth() throws {
    try scratch.run("gzip -k a && zstd -q a")
    try scratch.run(
      "cat a.gz a.gz > two && cat a.zst a.zst > three && cp a.gz zeros && printf '\\0\\0\\0' >> zeros")
    try scratch.run(": > none && gzip none && zstd -q a -o long --ultra -22")
    #expect(try texts([scratch("a.gz")]) == [text])
    #expect(try texts([scratch("a.zst"), scratch("long")]) == [text, text])
    #expect(try texts([scratch("two")]) == [text + text])
    #expect(try texts([scratch("three")]) == [text + text])
    #expect(try texts([scratch("zeros")]) == [text])
    #expect(try texts([scratch("none.gz")]).isEmpty)
    #expect(try texts([scratch("a.gz")], .init(format: .lines)).count == 60_000)
  }

  @Test("a stream cut anywhere is an error that names the file", arguments: ["gzip -c", "zstd -q -c"])
  func truncated(tool: String) throws {
    try scratch.run("head -c 3000 a > small && \(tool) small > whole")
    let whole = try scratch.bytes("whole")
    for count in 5..<whole.count {
      try scratch.write(whole.prefix(count), to: "cut")
      #expect(message { _ = try texts([scratch("cut")]) }?.contains("cut: truncated") == true, "\(count)")
    }
  }

  @Test("damage is an error, never other text", arguments: ["gzip -c", "zstd -q --check -c"])
  func damaged(tool: String) throws {
    try scratch.run("head -c 3000 a > small && \(tool) small > whole")
    let small = String(decoding: try scratch.bytes("small"), as: UTF8.self)
    let whole = try scratch.bytes("whole")
    for position in stride(from: 4, to: whole.count, by: 3) {
      var bytes = whole
      bytes[position] ^= 0x55
      try scratch.write(bytes, to: "bad")
      var read: [String]?
      let complaint = message { read = try texts([scratch("bad")], .init(replacesInvalidText: true)) }
      #expect(complaint != nil || read == [small], "byte \(position)")
    }
    try scratch.write(whole + [1, 2, 3], to: "trailing")
    #expect(message { _ = try texts([scratch("trailing")]) } != nil)
  }

  @Test("a compression that is not supported is named")
  func foreign() throws {
    let path = try scratch.write([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 1], to: "a.xz")
    #expect(message { _ = try texts([path]) }?.contains("xz is not supported") == true)
  }
}
