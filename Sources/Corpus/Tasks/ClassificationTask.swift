/// The questions of a task in the order of their files, encoded: `[CLS] first [SEP] second [SEP]` for each choice,
/// one label a question. One index is one question, all of its choices.
///
/// What is too long is cut at its end, and the last separator stays. Source: Megatron-LM `tasks/data_utils.py`.
package struct ClassificationTask: Samples {
  package let kind: TaskKind
  package let sequenceLength: Int
  /// Rows of the files that are malformed and left out.
  package let dropped: Int
  package var count: Int { questions.count }
  /// Questions whose answer the files tell.
  package var labelled: Int { questions.count { $0.label != Batch.ignored } }
  package var layout: Batch.Layout {
    Batch.Layout(sequences: kind.choices, hasSegments: true, hasLabels: true)
  }

  /// Of RACE, the tokens that a question and its answer may have.
  package static let questionLimit = 128

  private let tokens: BERTTokens
  private var questions: [Question] = []
  /// All texts, one after another, and where each ends.
  private var texts: [Int32] = []
  private var ends: [Int] = []

  /// Numbers of texts.
  private struct Question: Sendable {
    /// Of the first choice; the others follow.
    var first: Int
    var second: Int
    var label: Int32
  }

  /// - Parameters:
  ///   - paths: Folders of RACE, tables of MNLI and QQP; plain, gzip or Zstandard.
  ///   - encode: UTF-8 bytes to tokens, without special ones.
  package init(
    _ kind: TaskKind, paths: [String], sequenceLength: Int, tokens: BERTTokens, encode: ([UInt8]) -> [Int32]
  ) throws {
    guard sequenceLength >= 4 else {
      throw CorpusFailure(kind.rawValue, "expected sequences of at least 4 tokens, got \(sequenceLength)")
    }
    let read =
      switch kind {
      case .race: try RACEReader.read(paths)
      case .mnli: try GLUEReader.readMNLI(paths)
      case .qqp: try GLUEReader.readQQP(paths)
      }
    guard !read.questions.isEmpty else {
      throw CorpusFailure(paths.joined(separator: ", "), "found no question of \(kind.rawValue)")
    }
    self.kind = kind
    self.sequenceLength = sequenceLength
    self.tokens = tokens
    dropped = read.dropped
    let limit = kind == .race ? Self.questionLimit : sequenceLength
    // Questions of one article follow one another.
    var previous: (text: [UInt8], number: Int)?
    for question in read.questions {
      let first = ends.count
      for text in question.first { add(encode(text).prefix(limit)) }
      if previous?.text != question.second {
        previous = (question.second, ends.count)
        add(encode(question.second).prefix(sequenceLength))
      }
      questions.append(Question(first: first, second: previous?.number ?? 0, label: question.label))
    }
    if let stray = texts.first(where: { $0 < 0 || $0 >= tokens.vocabularySize }) {
      throw CorpusFailure(kind.rawValue, "got token \(stray), the vocabulary has \(tokens.vocabularySize)")
    }
  }

  private mutating func add(_ text: ArraySlice<Int32>) {
    texts.append(contentsOf: text)
    ends.append(texts.count)
  }

  private func text(_ number: Int) -> ArraySlice<Int32> {
    texts[(number == 0 ? 0 : ends[number - 1])..<ends[number]]
  }

  package func append(_ index: Int, to batch: inout Batch) {
    let question = questions[index]
    for choice in 0..<kind.choices {
      append(text(question.first + choice), text(question.second), to: &batch)
    }
    batch.labels.append(question.label)
  }

  private func append(_ first: ArraySlice<Int32>, _ second: ArraySlice<Int32>, to batch: inout Batch) {
    let start = batch.tokens.count
    let last = sequenceLength - 1
    let middle = min(first.count + 2, last)
    let end = min(first.count + second.count + 2, last) + 1
    batch.tokens.append(tokens.classify)
    batch.tokens.append(contentsOf: first.prefix(last - 1))
    if first.count + 2 <= last { batch.tokens.append(tokens.separator) }
    batch.tokens.append(contentsOf: second.prefix(start + last - batch.tokens.count))
    batch.tokens.append(tokens.separator)
    batch.tokens.append(contentsOf: repeatElement(tokens.padding, count: sequenceLength - end))
    batch.targets.append(contentsOf: repeatElement(Batch.ignored, count: sequenceLength))
    batch.segments.append(contentsOf: repeatElement(0, count: middle))
    batch.segments.append(contentsOf: repeatElement(1, count: end - middle))
    batch.segments.append(contentsOf: repeatElement(0, count: sequenceLength - end))
    batch.lengths.append(Int32(end))
  }
}
