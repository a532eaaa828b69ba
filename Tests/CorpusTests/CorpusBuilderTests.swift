import Foundation
import Testing

@testable import Corpus

@Suite struct CorpusBuilderTests {
  let scratch: Scratch
  let bytes = CorpusDescription.TokenizerIdentity(
    name: "bytes", vocabularySize: 257, endOfText: 256, checksum: "00000000")

  init() throws { scratch = try Scratch() }

  func builder(_ options: InputOptions = InputOptions(), appends: Bool = true) throws -> CorpusBuilder {
    try CorpusBuilder(tokenizer: bytes, appendsEndOfText: appends, options: options) { $0.map(Int32.init) }
  }

  @Test("documents come out in the order of the input, whoever encodes them")
  func order() async throws {
    let lines = (0..<200_000).map { "document \($0)" }
    let path = try scratch.write(lines.joined(separator: "\n"), to: "a.txt")
    var reports: [CorpusProgress] = []
    let builder = try CorpusBuilder(tokenizer: bytes, options: .init(format: .lines)) { text in
      // Batches that are slow, so that later ones are encoded before them.
      if text.elementsEqual("document 0".utf8) || text.elementsEqual("document 90000".utf8) { usleep(50_000) }
      return text.map(Int32.init)
    }
    let summary = try await builder.build([path], prefix: scratch("out")) { reports.append($0) }
    let dataset = try IndexedDataset(prefix: scratch("out"))
    try dataset.verify(vocabularySize: 257)
    #expect(dataset.documentCount == lines.count)
    for document in stride(from: 0, to: lines.count, by: 997) {
      #expect(try dataset.document(document) == lines[document].utf8.map(Int32.init) + [256])
    }
    #expect(summary.documents == lines.count)
    #expect(summary.tokens == dataset.tokenCount)
    #expect(summary.textBytes == lines.reduce(0) { $0 + $1.utf8.count })
    #expect(reports.count > 10)
    #expect(
      zip(reports, reports.dropFirst()).allSatisfy { $0.documents < $1.documents && $0.bytes <= $1.bytes })
    #expect(reports.last?.bytes == reports.last?.totalBytes)
    #expect(reports.last?.tokens == summary.tokens)
  }

  @Test("inputs of every format go into one dataset")
  func formats() async throws {
    let inputs = [
      try scratch.write("plain", to: "a.txt"),
      try scratch.write("{\"text\":\"json\"}\n{\"text\":\"\"}\n", to: "b.jsonl"),
      try scratch.write("<p>page</p>", to: "c.html"),
    ]
    try scratch.run("gzip -k b.jsonl")
    let summary = try await builder(appends: false).build(
      inputs + [scratch("b.jsonl.gz")], prefix: scratch("out"))
    let dataset = try IndexedDataset(prefix: scratch("out"))
    let texts = try (0..<dataset.documentCount).map { document in
      String(decoding: try dataset.document(document).map { UInt8($0) }, as: UTF8.self)
    }
    #expect(texts == ["plain", "json", "page\n", "json"])
    #expect(summary.tokensPerByte == 1)
  }

  @Test("a sequence is a sentence where asked: no end of text, empty documents and sentences dropped")
  func sentences() async throws {
    let path = try scratch.write("One. Two!\n \t\nThree\n***\nFour. ~", to: "a.txt")
    let builder = try CorpusBuilder(tokenizer: bytes, level: .sentence, options: .init(format: .lines)) {
      // This tokenizer knows no stars and no tilde.
      $0.map(Int32.init).filter { $0 != 42 && $0 != 126 }
    }
    let summary = try await builder.build([path], prefix: scratch("out"))
    let dataset = try IndexedDataset(prefix: scratch("out"))
    try dataset.verify(vocabularySize: 256)
    #expect(summary.documents == 3 && summary.sequences == 4)
    #expect(try (0..<3).map { try dataset.sequences(ofDocument: $0) } == [0..<2, 2..<3, 3..<4])
    #expect(try dataset.document(0) == "One.Two!".utf8.map(Int32.init))
    #expect(try dataset.document(2) == "Four.".utf8.map(Int32.init))
    let description = try #require(try CorpusDescription.read(prefix: scratch("out")))
    #expect(description.level == .sentence && description.sentences == 4 && !description.appendsEndOfText)
  }

  @Test("a description older than sentences is read")
  func older() throws {
    try scratch.write(
      """
      {"appendsEndOfText": true, "documents": 1, "sources": 1, "textBytes": 6, "tokens": 7,
       "tokenizer": {"name": "bytes", "vocabularySize": 257, "endOfText": 256}}
      """, to: "old.json")
    #expect(try CorpusDescription.read(prefix: scratch("old"))?.level == nil)
  }

  @Test("the description says how the dataset was made, and guards the vocabulary")
  func description() async throws {
    let path = try scratch.write("héllo", to: "a.txt")
    _ = try await builder().build([path], prefix: scratch("out"))
    let description = try #require(try CorpusDescription.read(prefix: scratch("out")))
    #expect(description.tokenizer == bytes)
    #expect(description.documents == 1 && description.tokens == 7 && description.textBytes == 6)
    #expect(description.sources == 1 && description.appendsEndOfText)
    try description.check(vocabularySize: 257, prefix: "out")
    #expect(
      message { try description.check(vocabularySize: 256, prefix: "out") }?.contains("257 tokens") == true)
    #expect(try CorpusDescription.read(prefix: scratch("none")) == nil)
    try scratch.write("{}", to: "bad.json")
    #expect(throws: CorpusFailure.self) { try CorpusDescription.read(prefix: scratch("bad")) }
  }

  @Test("a failed build leaves the old dataset as it was and nothing half-written")
  func failure() async throws {
    let good = try scratch.write("good", to: "good.txt")
    _ = try await builder().build([good], prefix: scratch("out"))
    let before = try scratch.names.map { try scratch.bytes($0) }
    let names = try scratch.names
    let many = (0..<100_000).map { "{\"text\":\"\($0)\"}" }.joined(separator: "\n")
    let bad = try scratch.write(many + "\n{\"text\":", to: "bad.jsonl")
    let text = await message { _ = try await builder().build([good, bad], prefix: scratch("out")) }
    #expect(text?.contains("bad.jsonl:100001: column 9") == true)
    try scratch.run("rm bad.jsonl")
    #expect(try scratch.names == names)
    #expect(try scratch.names.map { try scratch.bytes($0) } == before)
  }

  @Test("no text, a token outside the vocabulary and a missing folder are errors")
  func errors() async throws {
    let empty = try scratch.write("", to: "empty.txt")
    let some = try scratch.write("some", to: "some.txt")
    let none = await message { _ = try await builder().build([empty, empty], prefix: scratch("out")) }
    #expect(none?.contains("found no text in 2 files") == true)
    let wide = try CorpusBuilder(tokenizer: bytes) { $0.map { Int32($0) + 200 } }
    let stray = await message { _ = try await wide.build([some], prefix: scratch("out")) }
    #expect(stray?.contains("holds token 315, the vocabulary has 257") == true)
    let folder = await message { _ = try await builder().build([some], prefix: scratch("no/out")) }
    #expect(folder?.contains("no such file or directory") == true)
    #expect(try scratch.names == ["empty.txt", "some.txt"])
    var endless = bytes
    endless.endOfText = nil
    #expect(throws: CorpusFailure.self) { try CorpusBuilder(tokenizer: endless) { _ in [] } }
  }
}
