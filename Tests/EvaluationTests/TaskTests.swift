import Foundation
import Testing

@testable import Evaluation

@Suite struct TaskTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func input(
    _ file: String, context: Int = 64, tokenizer: ByteTokenizer = ByteTokenizer()
  ) -> TaskInput {
    TaskInput(files: [file], tokenizer: tokenizer, context: context)
  }

  private func parts(_ window: Window) -> [[Int32]] {
    [Array(window.tokens.dropLast(window.scored)), Array(window.tokens.suffix(window.scored))]
  }

  /// The sentence that `body` fails with.
  private func failure(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  private func right(_ flags: [Bool], each logLikelihood: Double = -1) -> [Score] {
    flags.map { Score(logLikelihood: logLikelihood, isGreedy: $0) }
  }

  // MARK: LAMBADA

  @Test(
    "strict: the last word behind a space, its context without space at the ends",
    arguments: [
      ("one two three", "one two", " three"), ("one two\n\nthree \n", "one two", " three"),
      (" one\u{A0}two", "one", " two"), ("two two", "two", " two"),
      ("a b. \u{201C}c\u{201D}", "a b.", " \u{201C}c\u{201D}"),
    ])
  func strict(text: String, context: String, label: String) throws {
    let task = try Lambada(input(folder.lines([text])))
    #expect(parts(task.windows[0]) == [bytes(context), bytes(label)])
  }

  @Test("not strict: the last token of the text as it is")
  func nonStrict() throws {
    var input = try input(folder.lines(["one two", "end. "]))
    input.isStrict = false
    let task = try Lambada(input)
    #expect(task.windows.map { parts($0) } == [[bytes("one tw"), bytes("o")], [bytes("end."), bytes(" ")]])
  }

  @Test("accuracy is the share of documents whose tokens are all right")
  func accuracy() throws {
    let file = try folder.lines(["a b", "c d", "e f", "g h"])
    let task = try Lambada(input(file))
    let scores = right([true, false, false, true])
    #expect(task.figures(scores).map(\.value) == [0.5, 2, 4])
    #expect(task.samples(scores).map(\.isCorrect) == [true, false, false, true])
    #expect(task.samples(scores).map(\.target) == [" b", " d", " f", " h"])
  }

  @Test(
    "lambada_openai: what follows the last space, with the space that stands before it",
    arguments: [
      ("one two three", "one two", " three"), ("one  two", "one", "  two"), ("one two ", "one two", " "),
      ("one\ntwo", nil, " one\ntwo"), ("a b\n c", "a b", "\n c"), (" word", nil, " word"),
    ] as [(String, String?, String)])
  func openAI(text: String, context: String?, continuation: String) throws {
    let file = try folder.lines([text])
    let task = try LambadaOpenAI(input(file))
    #expect(
      parts(task.windows[0]) == [context.map { bytes($0) } ?? [ByteTokenizer.end], bytes(continuation)])
  }

  @Test("lambada_openai: perplexity is that of a document")
  func openAIFigures() throws {
    let file = try folder.lines(["a b", "c def"])
    let task = try LambadaOpenAI(input(file))
    let scores = [Score(logLikelihood: -1, isGreedy: true), Score(logLikelihood: -5, isGreedy: false)]
    let figures = task.figures(scores).map(\.value)
    #expect(figures[0] == 0.5 && abs(figures[1] - exp(3)) < 1e-12)
  }

  // MARK: WikiText

  @Test("wikitext103: one sequence, detokenised; words counted before")
  func wikiText103() throws {
    let file = try folder.file("  a @-@ b , c \n", name: "wiki.test.raw")
    var input = input(file, context: 4)
    let task = try WikiText103(input)
    let text = bytes("  a-b, c\n")
    #expect(task.windows == [Window].sliding(over: text, length: 4, stride: 4))
    // a, @-@, b, the comma, c.
    let figures = Dictionary(
      uniqueKeysWithValues: task.figures(right([true, true], each: -4)).map { ($0.name, $0.value) })
    #expect(figures["original_tokens"] == 5 && figures["tokens"] == 9 && figures["token_ratio"] == 2)
    #expect(
      figures["loss"] == 1 && figures["perplexity"] == exp(1) && figures["adjusted_perplexity"] == exp(2))
    // Beyond e²⁰ nobody reports.
    #expect(task.figures(right([true, true], each: -1000)).map(\.value)[1...2] == [exp(20), exp(20)])
    input.stride = 2
    #expect(try WikiText103(input).windows == [Window].sliding(over: text, length: 4, stride: 2))
  }

  @Test("wikitext: pages by themselves, words and bytes of the page as it is", arguments: [true, false])
  func wikiText(isJSON: Bool) throws {
    let pages = [" = A = \n \n b , c", " = D = \n e"]
    let file =
      try isJSON
      ? folder.lines(pages, key: "page") : folder.file(pages.joined(separator: "\n"), name: "wiki.raw")
    let task = try WikiText(input(file, context: 5))
    #expect(
      task.windows
        == [Window].rolling(over: bytes(" = A =\n\nb, c"), prefix: ByteTokenizer.end, length: 5)
        + [Window].rolling(over: bytes(" = D =\ne"), prefix: ByteTokenizer.end, length: 5))
    let scores = right([Bool](repeating: true, count: task.windows.count), each: -3)
    let nats = 3.0 * Double(scores.count)
    let figures = Dictionary(uniqueKeysWithValues: task.figures(scores).map { ($0.name, $0.value) })
    // Python: re.split gives an empty word at each end that is space.
    #expect(figures["words"] == 12 && figures["bytes"] == 26)
    #expect(figures["word_perplexity"] == exp(nats / 12) && figures["byte_perplexity"] == exp(nats / 26))
    #expect(figures["bits_per_byte"] == nats / 26 / log(2))
    #expect(task.samples(scores).map(\.logLikelihood) == [-9, -6])
  }

  @Test("what a tokenizer opens texts with stands where lm-eval has it, and not where Megatron-LM has none")
  func opening() throws {
    let tokenizer = ByteTokenizer(opening: [ByteTokenizer.end])
    let file = try folder.lines(["ab cd"]), page = try folder.lines(["ab"], key: "page")
    let openAI = try LambadaOpenAI(input(file, tokenizer: tokenizer)).windows[0]
    #expect(parts(openAI) == [[ByteTokenizer.end] + bytes("ab"), bytes(" cd")])
    // Behind the token that begins texts, its like is predicted.
    let rolling = try WikiText(input(page, tokenizer: tokenizer)).windows[0]
    #expect(parts(rolling) == [[ByteTokenizer.end], [ByteTokenizer.end] + bytes("ab")])
    #expect(try parts(Lambada(input(file, tokenizer: tokenizer)).windows[0]) == [bytes("ab"), bytes(" cd")])
  }

  // MARK: Text

  @Test("text: documents behind each other, each behind the token that ends the one before")
  func text() throws {
    let file = try folder.lines(["ab", "cd"])
    let task = try TextTask(input(file, context: 4))
    #expect(task.windows == [Window].sliding(over: [256, 97, 98, 256, 99, 100], length: 4, stride: 4))
    let figures = task.figures(right([true, true], each: -10 * log(2))).map(\.value)
    #expect(
      abs(figures[0] - 4 * log(2)) < 1e-12 && abs(figures[1] - 16) < 1e-9 && abs(figures[2] - 5) < 1e-12)
    #expect(figures[3...] == [5, 4])
  }

  // MARK: Failures

  @Test("what is wrong with the documents is said, and where")
  func failures() throws {
    let word = try folder.lines(["fine here", "word"]), long = try folder.lines(["a bcdefghij"]),
      empty = try folder.file("")
    let text = try folder.file("not JSON", name: "lambada.txt"),
      other = try folder.lines(["x y"], key: "passage")
    let short = try folder.file("a", name: "short.txt")
    #expect(
      failure { _ = try Lambada(input(word)) }.contains("document 2: nothing stands before its last word"))
    #expect(failure { _ = try Lambada(input(long, context: 4)) }.contains("10 tokens, the model reads 4"))
    #expect(failure { _ = try Lambada(input(empty)) }.contains("found no text"))
    #expect(failure { _ = try Lambada(input(text)) }.contains("lambada.txt:1"))
    #expect(failure { _ = try Lambada(input(other)) }.contains("no key \"text\""))
    #expect(failure { _ = try WikiText(input(other)) }.contains("no key \"page\""))
    #expect(failure { _ = try WikiText103(input(short)) }.contains("no two words"))
    #expect(
      failure { _ = try LambadaOpenAI(input(folder.lines(["w"]), tokenizer: ByteTokenizer(hasEnd: false))) }
        .contains("nothing stands before"))
    var strided = input(text, context: 4)
    strided.stride = 5
    #expect(failure { _ = try TextTask(strided) }.contains("stride 5"))
    let missing = TaskInput(files: ["/nowhere/x.jsonl"], tokenizer: ByteTokenizer(), context: 4)
    for name in TaskName.allCases {
      #expect(failure { _ = try name.task(missing) }.contains("/nowhere/x.jsonl"), "\(name)")
    }
  }
}
