import Foundation
import Testing

@testable import Corpus

@Suite struct ClassificationTaskTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Bytes are tokens.
  func task(_ kind: TaskKind, _ paths: [String], length: Int = 24) throws -> ClassificationTask {
    let tokens = try BERTTokens(
      classify: 256, separator: 257, mask: 258, padding: 259,
      continuesWord: Array(repeating: false, count: 260))
    return try ClassificationTask(
      kind, paths: paths.map { scratch($0) }, sequenceLength: length, tokens: tokens
    ) { $0.map(Int32.init) }
  }

  /// Each sequence as text, separators as bars, without padding; and its segments.
  func read(_ samples: some Samples, _ index: Int) throws -> (texts: [String], segments: [Int], label: Int32)
  {
    var batch = Batch()
    try Loader(samples).read(consumed: index, size: 1, into: &batch)
    var texts: [String] = []
    var segments: [Int] = []
    for sequence in 0..<batch.sequences {
      let start = sequence * batch.sequenceLength
      let end = start + Int(batch.lengths[sequence])
      #expect(batch.tokens[end..<start + batch.sequenceLength].allSatisfy { $0 == 259 })
      #expect(batch.segments[end..<start + batch.sequenceLength].allSatisfy { $0 == 0 })
      texts.append(
        String(
          decoding: batch.tokens[start..<end].map { $0 == 256 ? 0x3E : $0 == 257 ? 0x7C : UInt8($0) },
          as: UTF8.self))
      segments.append(batch.segments[start..<end].count { $0 == 1 })
      #expect(batch.segments[start..<end].sorted() == Array(batch.segments[start..<end]))
    }
    #expect(batch.targets.allSatisfy { $0 == Batch.ignored })
    return (texts, segments, batch.labels[0])
  }

  static let article = """
    {"article": "It\\n rained .  We  left.", "questions": ["What _ ?", "Why?"],
     "options": [["a", "b", "c", "d"], ["e", "f", "g", "h"]], "answers": ["C", "A"], "id": "x"}
    """

  @Test("RACE: four sequences and one label a question; the blank or the end takes the option")
  func race() throws {
    try FileManager.default.createDirectory(atPath: scratch("race"), withIntermediateDirectories: true)
    try scratch.write(Self.article.replacing("\n", with: " ") + "\n", to: "race/2.txt")
    try scratch.write(Self.article.replacing("\n", with: " ").replacing("Why", with: "Who"), to: "race/1.txt")
    try scratch.write("no text", to: "race/readme.md")
    let race = try task(.race, ["race"], length: 40)
    #expect(race.count == 4 && race.layout == .init(sequences: 4, hasSegments: true, hasLabels: true))
    let first = try read(race, 0)
    #expect(first.texts == ["a", "b", "c", "d"].map { ">What \($0) ?|It rained. We left.|" })
    #expect(first.segments == [20, 20, 20, 20] && first.label == 2)
    #expect(try read(race, 1).texts[1] == ">Who? f|It rained. We left.|")
    #expect(try read(race, 3).texts[3] == ">Why? h|It rained. We left.|")
    #expect(try read(race, 3).label == 0)
  }

  @Test("RACE: a question and its answer take 128 tokens, the article what is left")
  func limits() throws {
    let long = String(repeating: "q", count: 200)
    try scratch.write(
      "{\"article\":\"\(String(repeating: "x", count: 300))\",\"questions\":[\"\(long)\"],"
        + "\"options\":[[\"a\",\"b\",\"c\",\"d\"]],\"answers\":[\"D\"]}", to: "long.txt")
    let text = try read(task(.race, ["long.txt"], length: 160), 0).texts[0]
    #expect(
      text == ">" + String(repeating: "q", count: 128) + "|" + String(repeating: "x", count: 29) + "|")
    // So short that the question alone is cut: only the last separator is left.
    let short = try read(task(.race, ["long.txt"], length: 8), 0)
    #expect(short.texts[0] == ">qqqqqq|" && short.segments[0] == 1)
    for (question, expected) in [("aaaa", ">aaaa|b|"), ("aaaaa", ">aaaaa||"), ("aaaaaa", ">aaaaaa|")] {
      try scratch.write("h\ta\tb\n1\t\(question)\tbb", to: "q.tsv")
      #expect(try read(task(.qqp, ["q.tsv"], length: 8), 0).texts == [expected])
    }
  }

  func row(_ columns: String...) -> String { columns.joined(separator: "\t") }

  @Test("MNLI: columns 8, 9 and the last; contradiction, entailment, neutral")
  func mnli() throws {
    let heading = (0..<12).map { "h\($0)" }.joined(separator: "\t")
    let lines = ["contradiction", "entailment", "neutral"].enumerated().map { number, label in
      row("\(number)", "", "g", "", "p", "p", "p", "p", "One  . Two", " b\(number) ", "other", label)
    }
    try scratch.write(([heading] + lines).joined(separator: "\r\n") + "\r\n", to: "dev.tsv")
    let mnli = try task(.mnli, ["dev.tsv", "dev.tsv"])
    #expect(mnli.count == 6 && mnli.dropped == 0)
    #expect(try (0..<6).map { try read(mnli, $0).label } == [0, 1, 2, 0, 1, 2])
    #expect(try read(mnli, 1).texts == [">One. Two|b1|"])
    try scratch.write(
      row("0", "1", "2", "3", "4", "5", "6", "7", "8", "9") + "\n"
        + row("0", "1", "2", "3", "4", "5", "6", "7", "a", "b"), to: "test.tsv")
    #expect(try read(task(.mnli, ["test.tsv"]), 0).label == Batch.ignored)
  }

  @Test("QQP: columns 3, 4 and 5; malformed rows are left out and counted")
  func qqp() throws {
    try scratch.write(
      [
        row("id", "qid1", "qid2", "question1", "question2", "is_duplicate"),
        row("0", "1", "2", "a?", "b?", "1"),
        row("1", "1", "2", "torn"), row("2", "1", "2", "", "b?", "1"), row("3", "1", "2", "a", " ", "0"),
        "", row("4", "1", "2", "a", "b", "c", "0"), row("5", "1", "2", "c", "d", "0"),
      ].joined(separator: "\n"), to: "train.tsv")
    let qqp = try task(.qqp, ["train.tsv"])
    #expect(qqp.count == 2 && qqp.dropped == 5)
    #expect(try read(qqp, 0).texts == [">a?|b?|"])
    #expect(try [read(qqp, 0).label, read(qqp, 1).label] == [1, 0])
  }

  @Test("damage is an error that names file and line")
  func damage() throws {
    func complaint(_ kind: TaskKind, _ text: String) throws -> String {
      try scratch.write(text, to: "bad.txt")
      return message { _ = try task(kind, ["bad.txt"]) } ?? "nothing"
    }
    let heading = (0..<12).map { "h\($0)" }.joined(separator: "\t") + "\n"
    let good = (0..<11).map { "\($0)" }.joined(separator: "\t")
    #expect(
      try complaint(.mnli, heading + good + "\tneutral\n" + good + "\tperhaps").contains(
        "bad.txt:3: the label"))
    #expect(try complaint(.mnli, heading + "1\t2").contains("bad.txt:2: the row has 2 columns"))
    #expect(try complaint(.mnli, "a\tb\nc\td").contains("the heading has 2 columns"))
    #expect(try complaint(.mnli, heading).contains("found no question"))
    #expect(try complaint(.mnli, "").contains("is empty"))
    #expect(try complaint(.qqp, "a\tb\tc\td\te\tf\n1\t2\t3\ta\tb\t2").contains("bad.txt:2: the label is '2'"))
    #expect(try complaint(.qqp, "a\tb\nc\td").contains("expected 3 or 6"))
    let line = Self.article.replacing("\n", with: " ")
    #expect(try complaint(.race, line + "\n" + line.dropLast()).contains("bad.txt:2: expected a JSON object"))
    #expect(
      try complaint(.race, line.replacing("\"C\"", with: "\"E\"")).contains("'E', expected A, B, C or D"))
    #expect(
      try complaint(.race, line.replacing(", \"A\"", with: "")).contains("2 lists of options and 1 answers"))
    #expect(try complaint(.race, line.replacing("\"a\", ", with: "")).contains("3 options, expected 4"))
    #expect(try complaint(.race, String(repeating: "[", count: 200_000)).contains("bad.txt:1"))
    try scratch.write([0x61, 0x09, 0x62, 0x09, 0x63, 0x0A, 0xFF], to: "bytes.tsv")
    #expect(message { _ = try task(.qqp, ["bytes.tsv"]) }?.contains("bytes.tsv:2: invalid UTF-8") == true)
    #expect(message { _ = try task(.race, ["none"]) }?.contains("no such folder") == true)
    try FileManager.default.createDirectory(atPath: scratch("empty"), withIntermediateDirectories: true)
    #expect(message { _ = try task(.race, ["empty"]) }?.contains("holds no *.txt") == true)
    #expect(message { _ = try task(.qqp, ["bad.txt"], length: 3) } != nil)
  }

  @Test("an epoch has every sample once, in an order of its own that others do not change")
  func shuffled() throws {
    let samples = Choosing()
    let three = try ShuffledSamples(samples, epochs: 3, seed: 5),
      one = try ShuffledSamples(samples, epochs: 1, seed: 5)
    #expect(three.count == 3000 && three.layout == samples.layout)
    var batch = Batch()
    func epoch(_ samples: ShuffledSamples, _ number: Int) throws -> [Int32] {
      try Loader(samples).read(number * 1000..<(number + 1) * 1000, into: &batch)
      return (0..<1000).map { batch.tokens[$0 * 4] }
    }
    let orders = try (0..<3).map { try epoch(three, $0) }
    #expect(Set(orders).count == 3)
    #expect(orders.allSatisfy { $0.sorted() == (0..<1000).map { Int32($0) } })
    #expect(try epoch(one, 0) == orders[0])
    #expect(throws: CorpusFailure.self) { try ShuffledSamples(samples, epochs: 0, seed: 5) }
  }
}
