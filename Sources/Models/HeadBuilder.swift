import Layers
import Tensors

/// Declares the parameters of a model's head, in the order in which they stand in the arena, and puts it together.
struct HeadBuilder {
  let config: Transformer.Config
  let axis: TensorAxis
  let store: ParameterStore

  private var deviation: Float { Float(config.initialDeviation) }
  /// Of what every rank has whole and computes whole, whether or not ranks divide the tokens elsewhere.
  private var undivided: TensorAxis { TensorAxis(axis.group, splitsTokens: false) }

  /// - Parameter embedding: on this rank; nil where it stands on another stage.
  func head(tiedTo embedding: Embedding?) -> any Head {
    let norm = norm("norm", axis)
    switch config.kind {
    case .decoder: return LanguageModelHead(norm: norm, output: output(tiedTo: embedding, bias: false), axis)
    case .encoder:
      let isClassifier = config.classes > 0
      return EncoderHead(
        norm: norm, masked: isClassifier ? nil : masked(tiedTo: embedding),
        sequence: isClassifier
          ? sequence("classifier", scores: config.classes, choices: config.choices, dropout: config.dropout)
          : config.sentenceOrder ? sequence("order", scores: 2) : nil,
        axis)
    }
  }

  private func output(tiedTo embedding: Embedding?, bias: Bool) -> VocabularyOutput {
    let share = axis.share(of: config.vocabulary)
    let weight: Parameter
    if config.tiedEmbeddings {
      weight =
        embedding?.tokens
        ?? Embedding.table(
          vocabulary: config.vocabulary, width: config.width, deviation: deviation, isKept: false, axis, store
        )
    } else {
      weight = store.add(
        [PartShare("output.weight", rows: config.vocabulary, held: share)], columns: config.width,
        decays: true,
        .normal(deviation: deviation))
    }
    let bias =
      bias
      ? store.add(
        [PartShare("output.bias", rows: config.vocabulary, held: share)], columns: nil, decays: false,
        .constant(0)) : nil
    return VocabularyOutput(weight: weight, bias: bias, vocabulary: config.vocabulary, axis)
  }

  private func masked(tiedTo embedding: Embedding?) -> MaskedTokenHead {
    MaskedTokenHead(
      dense: dense("transform", out: config.width), activation: config.activation,
      norm: norm("transform.norm", undivided), output: output(tiedTo: embedding, bias: true), axis)
  }

  private func sequence(_ name: String, scores: Int, choices: Int = 1, dropout: Double = 0) -> SequenceHead {
    SequenceHead(
      pooler: dense("pooler", out: config.width), scores: dense(name, out: scores), choices: choices,
      dropout: Float(dropout))
  }

  /// Every rank has all of it.
  private func dense(_ name: String, out: Int) -> Linear {
    Linear(
      [PartShare(name, rows: out, isKept: axis.rank == 0)], in: config.width, bias: true,
      deviation: deviation,
      store)
  }

  private func norm(_ name: String, _ axis: TensorAxis) -> Norm {
    Norm(name, config.norm, width: config.width, epsilon: Float(config.normEpsilon), axis, store)
  }
}
