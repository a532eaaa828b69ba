/// The tasks that a pretrained BERT is finetuned for.
package enum TaskKind: String, Codable, CaseIterable, Sendable {
  /// Which of four answers is right, given a text (Lai et al. 2017).
  case race
  /// Whether one sentence contradicts, follows from or is neutral to another (GLUE).
  case mnli
  /// Whether two questions ask the same (GLUE).
  case qqp

  /// Sequences that are one question.
  package var choices: Int { self == .race ? 4 : 1 }

  /// Scores of a sequence: one where choices are compared.
  package var classes: Int {
    switch self {
    case .race: 1
    case .mnli: 3
    case .qqp: 2
    }
  }
}
