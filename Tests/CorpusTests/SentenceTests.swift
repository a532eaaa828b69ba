import Testing

@testable import Corpus

/// A bar marks each end that is expected.
@Suite struct SentenceTests {
  func split(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    return SentenceSplitter.split(bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  func check(_ marked: String) {
    let expected = marked.split(separator: "|").map { String($0.drop { $0 == " " }) }
    #expect(split(marked.replacing("|", with: "")) == expected)
  }

  @Test(
    "a stop, a space and no lower case end a sentence",
    arguments: [
      "It rained.| We went home!| Did you?| 42 people did.", "No stop at the end.| None here",
      "Text is wrapped\nanywhere.| This\nis one sentence.", "Élan vital.| Über alles.| Ça va? œuvre",
      "It stopped .| Tokenised text has spaces .", "what now?! she asked.",
    ])
  func plain(text: String) { check(text) }

  @Test(
    "abbreviations, titles and initials do not end it",
    arguments: [
      "Mr. Smith met Dr. A. B. Jones of St. Louis.| They talked.", "See e.g. Newton, i.e. the Principia.",
      "Made by Acme Inc. in Ohio.", "George W. Bush spoke.| He left.", "See Fig. 3, vol. 2, pp. 7 and No. 5.",
      "It was Jan. 5 then.", "(cf. Smith 1990).| Yes.", "Gen. Robert E. Lee fought.",
    ])
  func abbreviations(text: String) { check(text) }

  @Test(
    "an abbreviation may end it: the next word tells",
    arguments: [
      "He lives in the U.S.| The house is old.", "The U.S. Army came.", "We met at 5 p.m.| It was dark.",
      "Apples, pears, etc.| But no plums.", "Did he say so?| No.| That is all.", "Sam Jr.| He was late.",
    ])
  func undecided(text: String) { check(text) }

  @Test(
    "decimals, addresses and ellipses do not end it",
    arguments: [
      "Pi is 3.14 and e is 2.718.| Good.", "Visit www.example.com now.", "Well... perhaps.| Or not...| Yes.",
      "He said … nothing.| She left…| Then rain.", "It was . . . late.| Go.",
      "1. Introduction is short.| 2. Next.",
      "Version 2.0.| Better.",
    ])
  func dots(text: String) { check(text) }

  @Test(
    "quotes and brackets that close after the stop belong to it",
    arguments: [
      "\"Go away.\"| He went.", "\"Why?\" he asked.| \"Because.\"", "“Never!”| She laughed.",
      "(It was late.)| We slept.", "He said: ‘No.’| ‘Yes,’ she said.", "Stop.| \"Go on,\" he said.",
    ])
  func closers(text: String) { check(text) }

  @Test(
    "other scripts have stops of their own",
    arguments: [
      "今天下雨。|我们回家！|好吗？|好", "彼は「行く。」と言った。|雨だ。", "वह गया।| मैं आया।", "کیا حال ہے؟| اچھا۔",
    ])
  func scripts(text: String) { check(text) }

  @Test("an empty line always ends a sentence, white space is never one")
  func paragraphs() {
    #expect(split("A heading\n\nText goes on\n \t\r\nhere") == ["A heading", "Text goes on", "here"])
    #expect(split("  spaced.   \n\n ") == ["spaced."])
    #expect(split(" \n\n\t").isEmpty && split("").isEmpty)
    #expect(split("...") == ["..."])
    #expect(split("\u{FEFF}a.\u{00A0}\u{3000}B.") == ["\u{FEFF}a.", "B."])
  }

  @Test("nothing but white space is lost, whatever the bytes")
  func everything() {
    var random = NumPyRandom(seed: 1)
    let alphabet: [[UInt8]] = ["a", "B", ".", " ", "\n", "!", "\"", "。", "…", "é", "1", "Mr", "😀"].map {
      Array($0.utf8)
    }
    for round in 0..<500 {
      var text: [UInt8] = []
      for _ in 0..<60 {
        text += alphabet[Int(random.next() % UInt32(alphabet.count))]
        if round % 2 == 1, random.next() % 8 == 0 { text.append(UInt8(random.next() & 255)) }
      }
      let sentences = SentenceSplitter.split(text)
      var position = 0
      for sentence in sentences {
        #expect(!sentence.isEmpty && sentence.lowerBound >= position)
        #expect(round % 2 == 1 || text[position..<sentence.lowerBound].allSatisfy { $0 <= 0x20 })
        position = sentence.upperBound
      }
    }
  }
}
