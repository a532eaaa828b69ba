/// The tasks that there are.
package enum TaskName: String, CaseIterable, Sendable {
  case text, wikitext103, wikitext, lambada
  case lambadaOpenAI = "lambada_openai"

  /// What it measures, on what.
  package var summary: String {
    switch self {
    case .text: "loss, perplexity and bits per byte of any text (--text FILES)"
    case .wikitext103: "Megatron-LM's adjusted perplexity of one detokenised file: wiki.test.raw"
    case .wikitext:
      "lm-eval's word and byte perplexity of detokenised articles: JSONL with `page`, or raw WikiText"
    case .lambada: "Megatron-LM's accuracy of last words (strict, or --non-strict): JSONL with `text`"
    case .lambadaOpenAI: "lm-eval's accuracy and perplexity of last words: JSONL with `text`"
    }
  }

  /// Whether its windows may overlap as the user wishes.
  package var slides: Bool { self == .text || self == .wikitext103 }

  package func task(_ input: TaskInput) throws -> any EvaluationTask {
    let type: any EvaluationTask.Type =
      switch self {
      case .text: TextTask.self
      case .wikitext103: WikiText103.self
      case .wikitext: WikiText.self
      case .lambada: Lambada.self
      case .lambadaOpenAI: LambadaOpenAI.self
      }
    return try type.init(input)
  }
}
