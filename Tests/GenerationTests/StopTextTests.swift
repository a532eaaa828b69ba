import TestSupport
import Testing
import Tokenizers

@testable import Generation

@Suite("Stop strings")
struct StopTextTests {
  /// The text up to the first stop string that is complete, found the slow way; and whether there is one.
  static func expected(_ text: String, _ stops: [String]) -> (String, Bool) {
    let bytes = Array(text.utf8)
    for end in 1...max(1, bytes.count) where end <= bytes.count {
      let found = stops.filter { !$0.isEmpty && bytes[..<end].reversed().starts(with: $0.utf8.reversed()) }
      if let longest = found.map(\.utf8.count).max() {
        return (String(decoding: bytes[..<(end - longest)], as: UTF8.self), true)
      }
    }
    return (text, false)
  }

  static func words(_ alphabet: [String], _ count: Int, _ random: inout SplitMix) -> String {
    (0..<count).map { _ in alphabet.randomElement(using: &random) ?? "" }.joined()
  }

  @Test("end a text at the same place however it comes in pieces, and never come out in part")
  func anySplit() {
    var random = SplitMix(state: 7)
    for _ in 0..<4000 {
      let alphabet = ["a", "b", "é", "\n", "東"].shuffled(using: &random).prefix(
        Int.random(in: 2...3, using: &random))
      let stops = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        Self.words(Array(alphabet), Int.random(in: 0...5, using: &random), &random)
      }
      let scalars = Self.words(Array(alphabet), Int.random(in: 0...30, using: &random), &random)
        .unicodeScalars
      let text = String(scalars)
      let (expected, isStopped) = Self.expected(text, stops)

      var stop = StopText(stops)
      var given = ""
      var rest = scalars[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...4, using: &random))
        rest = rest.dropFirst(piece.count)
        given += stop.append(String(piece))
        // Nothing that was given out is part of a stop string that follows.
        #expect(expected.utf8.starts(with: given.utf8), "\(text.debugDescription) \(stops)")
      }
      #expect(stop.isComplete == isStopped)
      given += stop.finish()
      #expect(Array(given.utf8) == Array(expected.utf8), "\(text.debugDescription) \(stops)")
    }
  }

  @Test("hold back no more than could begin one")
  func holdsLittle() {
    var stop = StopText(["END.", "\n\n"])
    #expect(stop.append("the E") == "the ")
    #expect(stop.append("N") == "")
    #expect(stop.append("E\n") == "ENE")
    #expect(stop.append("x") == "\nx")
    #expect(stop.append("aEND.b") == "a")
    #expect(stop.isComplete)
    #expect(stop.append("more") == "")
    #expect(stop.finish() == "")
  }

  @Test("of two that are complete together the longer counts, of two places the first")
  func overlapping() {
    var both = StopText(["b", "ab"])
    #expect(both.append("xa") == "x")
    #expect(both.append("b") == "")
    #expect(both.isComplete)
    var inner = StopText(["abc", "b"])
    #expect(inner.append("xabc") == "xa")
  }

  @Test("are not found in equal characters written otherwise")
  func exactBytes() {
    var stop = StopText(["é"])
    #expect(stop.append("e\u{301}x") + stop.finish() == "e\u{301}x")
    #expect(!stop.isComplete)
  }
}

@Suite("A choice's text")
struct ChoiceTextTests {
  @Test("joins bytes to characters and ends at a stop string that tokens spell in part")
  func bytesAndStops() throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 257).train([]).tokenizer
    var choice = ChoiceText(tokenizer, stops: ["é!"])
    var texts: [String] = []
    for id in tokenizer.encode("aé?é!b") { texts.append(choice.append(id)) }
    #expect(texts.joined() == "aé?")
    #expect(choice.isStopped)
    #expect(choice.finish() == "")
    #expect(choice.given == 3)
    #expect(choice.completed == 5)
  }

  @Test("gives what waited when no more comes")
  func finish() throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 257).train([]).tokenizer
    var choice = ChoiceText(tokenizer, stops: ["stop"])
    let given = tokenizer.encode("the st").map { choice.append($0) }.joined()
    #expect(given == "the ")
    #expect(choice.finish() == "st")
    #expect(choice.given == 6)
  }

  @Test("leaves hidden tokens out")
  func hidden() throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 257).train([]).tokenizer
    let end = try #require(tokenizer.endOfText)
    var shown = ChoiceText(tokenizer, stops: [])
    var hidden = ChoiceText(tokenizer, stops: [], hidden: [end])
    #expect(!shown.append(end).isEmpty)
    #expect(hidden.append(end).isEmpty)
  }
}
