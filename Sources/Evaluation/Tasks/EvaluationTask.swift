/// A published way to measure a model: documents become windows to score, scores become figures.
package protocol EvaluationTask: Sendable {
  /// Reads the documents and encodes them. Throws what is wrong with them.
  init(_ input: TaskInput) throws

  /// What the model is to predict.
  var windows: [Window] { get }

  /// Whether it matters which token the model would choose.
  static var isChoosing: Bool { get }

  /// What the scores of the windows, in their order, come to.
  func figures(_ scores: [Score]) -> [Figure]

  /// The same for each document, or for each window where documents run into each other.
  func samples(_ scores: [Score]) -> [Sample]
}

/// A number that a task is about.
package struct Figure: Sendable, Equatable {
  /// In snake_case, as JSON has it.
  package let name: String
  package let value: Double
  /// Decimals that people look at; none of a count.
  package let digits: Int

  package init(_ name: String, _ value: Double, digits: Int = 4) {
    self.name = name
    self.value = value
    self.digits = digits
  }

  package init(_ name: String, count: Int) { self.init(name, Double(count), digits: 0) }
}

/// What a model made of one document, or of one window.
package struct Sample: Sendable, Encodable, Equatable {
  /// From 0.
  package var document: Int?
  package var window: Int?
  /// Tokens that were scored.
  package var tokens: Int
  /// Σ ln p of them; nil where it is not a number.
  package var logLikelihood: Double?
  /// What was to be predicted.
  package var target: String?
  package var isCorrect: Bool?
  package var words: Int?
  package var bytes: Int?

  init(
    document: Int? = nil, window: Int? = nil, tokens: Int, _ score: Score, target: String? = nil,
    isCorrect: Bool? = nil, words: Int? = nil, bytes: Int? = nil
  ) {
    self.document = document
    self.window = window
    self.tokens = tokens
    logLikelihood = score.logLikelihood.isFinite ? score.logLikelihood : nil
    self.target = target
    self.isCorrect = isCorrect
    self.words = words
    self.bytes = bytes
  }
}

extension EvaluationTask {
  /// One for each window.
  func windowSamples(_ scores: [Score]) -> [Sample] {
    zip(windows, scores).enumerated().map { Sample(window: $0, tokens: $1.0.scored, $1.1) }
  }
}
