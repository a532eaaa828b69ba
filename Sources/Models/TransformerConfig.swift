import Layers
import Tensors

extension Transformer {
  /// How positions enter the model.
  package enum Positions: String, Codable, CaseIterable, Sendable {
    /// A learned vector for each position, added to the token's (GPT-2).
    case learned
    /// Rotated queries and keys (`RotaryTable`).
    case rotary
  }

  /// What a model reads and what it is there for.
  package enum Kind: String, Codable, CaseIterable, Sendable {
    /// Every token sees those before it; the head predicts the next (GPT-2, Nemotron-4, Llama).
    case decoder
    /// Every token sees all; the head predicts masked tokens, or what the whole sequence is asked (BERT).
    case encoder
  }

  /// The shape of a transformer. GPT-2, Nemotron-4, Llama and BERT are values of it.
  package struct Config: Codable, Sendable, Equatable {
    package var kind = Kind.decoder
    /// Transformer blocks.
    package var layers = 12
    /// Width of the residual stream (hidden size).
    package var width = 768
    /// Query heads.
    package var heads = 12
    /// Key-value heads, shared by groups of query heads; nil: as many as `heads`.
    package var keyValueHeads: Int?
    /// Components of a head; nil: width / heads.
    package var headWidth: Int?
    /// Inner width of the feed-forward layers; nil: 4 · width.
    package var feedForwardWidth: Int?
    /// Rows of the token table. Zero: the tokenizer's size, rounded up to a multiple of 128.
    package var vocabulary = 0
    /// Longest sequence.
    package var context = 1024
    package var positions = Positions.learned
    /// Share of each head's components that rotate.
    package var rotaryFraction = 1.0
    /// Base of the rotation's wavelengths.
    package var rotaryBase = 10000.0
    package var norm = NormKind.layerNorm
    /// Added to the variance under the root.
    package var normEpsilon = 1e-5
    package var activation = Activation.gelu
    /// Whether linear layers have biases.
    package var bias = true
    /// Whether an encoder also learns if two sentences stand in their order (Lan et al. 2020).
    package var sentenceOrder = true
    /// Classes that an encoder tells apart, in place of what it was pretrained for; 0: none.
    package var classes = 0
    /// Sequences that are the choices of one question; each has `classes` scores, one as a rule.
    package var choices = 1
    /// Whether the output uses the token table.
    package var tiedEmbeddings = true
    /// Probability of dropping: embeddings, attention weights and both residual branches.
    package var dropout = 0.0
    /// Standard deviation σ of the initial weights; outputs to the residual stream get σ/√(2·layers).
    package var initialDeviation = 0.02

    package init() {}

    package var keyValueHeadCount: Int { keyValueHeads ?? heads }
    package var headSize: Int { headWidth ?? (heads > 0 ? width / heads : 0) }
    package var innerWidth: Int { feedForwardWidth ?? 4 * width }
    /// Components of a head that rotate.
    package var rotaryWidth: Int {
      (0...1).contains(rotaryFraction) ? Int(Double(headSize) * rotaryFraction) : 0
    }
    /// Vectors that tell an encoder which of two sentences a token is in.
    package var segments: Int? { kind == .encoder ? 2 : nil }
    package var outputDeviation: Double { initialDeviation / Double(2 * layers).squareRoot() }

    /// Of each size: beyond any model, and small enough that products of two do not overflow.
    private static let largestCount = 1 << 24

    /// What keeps this from being a model, one sentence each.
    package var problems: [String] {
      var problems: [String] = []
      func check(_ holds: Bool, _ problem: @autoclosure () -> String) {
        if !holds { problems.append(problem()) }
      }
      for (name, value) in [
        ("layers", layers), ("width", width), ("heads", heads), ("context", context),
        ("feed_forward_width", feedForwardWidth ?? width), ("key_value_heads", keyValueHeadCount),
        ("head_width", headWidth ?? 1),
      ] {
        check(
          (1...Self.largestCount).contains(value),
          "model.\(name) must lie in 1 ... \(Self.largestCount), got \(value)")
      }
      guard problems.isEmpty else { return problems }
      check(
        headWidth != nil || width % heads == 0,
        "model.width \(width) is not divisible by model.heads \(heads): change one, or set model.head_width")
      check(
        heads % keyValueHeadCount == 0,
        "model.heads \(heads) is not a multiple of model.key_value_heads \(keyValueHeadCount)")
      check(
        (0...Self.largestCount).contains(vocabulary),
        "model.vocabulary must lie in 0 ... \(Self.largestCount), got \(vocabulary)")
      check((0..<1).contains(dropout), "model.dropout must lie in 0 ..< 1, got \(dropout)")
      for (name, value, least) in [("classes", classes, 0), ("choices", choices, 1)] {
        check(
          (least...Self.largestCount).contains(value),
          "model.\(name) must lie in \(least) ... \(Self.largestCount), got \(value)")
      }
      check(
        kind == .encoder || (classes == 0 && choices == 1),
        "model.classes \(classes) and model.choices \(choices) belong to model.kind encoder")
      check(
        classes > 0 || choices == 1,
        "model.choices \(choices) needs model.classes: 1 for a score of each choice")
      check(
        kind == .decoder || !activation.isGated,
        "model.activation \(activation.rawValue) has no place in an encoder's head: choose gelu, gelu_erf or "
          + "squared_relu")
      // As the numbers that models compute with have them.
      for (name, value) in [("norm_epsilon", normEpsilon), ("initial_deviation", initialDeviation)] {
        check(
          Float(value) > 0 && Float(value).isFinite, "model.\(name) must be positive and finite, got \(value)"
        )
      }
      if positions == .rotary {
        check(
          rotaryWidth > 0 && rotaryWidth % 2 == 0,
          "model.rotary_fraction \(rotaryFraction) of a head of \(headSize) gives \(rotaryWidth) rotating "
            + "components: expected an even number above 0")
        check(
          rotaryBase > 0 && rotaryBase.isFinite,
          "model.rotary_base must be positive and finite, got \(rotaryBase)")
      }
      return problems
    }
  }
}

extension Transformer.Config {
  /// Parameters of the model, by its shape alone.
  package var parameterCount: Double {
    let width = Double(width), inner = Double(innerWidth)
    let queries = Double(heads * headSize), keyValues = Double(keyValueHeadCount * headSize)
    let fused = queries + 2 * keyValues, ups = activation.isGated ? 2 * inner : inner
    let norm = norm.hasBias ? 2 * width : width
    let matrices = width * (fused + queries + ups + inner)
    let biases = bias ? fused + ups + 2 * width : 0
    let outputRows = tiedEmbeddings || classes > 0 ? 0 : vocabulary
    let tables = Double(vocabulary + outputRows + (positions == .learned ? context : 0) + (segments ?? 0))
    return Double(layers) * (matrices + biases + 2 * norm) + norm + tables * width + encoderHeadCount
  }

  /// Parameters of an encoder's head, without the last norm and the table.
  private var encoderHeadCount: Double {
    guard kind == .encoder else { return 0 }
    let width = Double(width), dense = width * width + width
    func pooled(_ scores: Int) -> Double { dense + Double(scores) * (width + 1) }
    if classes > 0 { return pooled(classes) }
    let norm = norm.hasBias ? 2 * width : width
    return dense + norm + Double(vocabulary) + (sentenceOrder ? pooled(2) : 0)
  }

  /// Floating-point operations of the model for one token of a sequence of `length`, forward and backward:
  /// 6 per weight of a matrix product and 12·width-of-heads·length per layer for the full attention square.
  /// The convention of the Nemotron reports: no recompute counted, causal skipping not subtracted.
  ///
  /// - Parameter share: of the tokens, those that the head predicts: an encoder's masked ones.
  package func modelFLOPs(perTokenOfLength length: Int, predicted share: Double = 1) -> Double {
    let heads = Double(heads * headSize), kv = Double(keyValueHeadCount * headSize), width = Double(width)
    let gated = activation.isGated ? 3.0 : 2.0
    let block = width * (heads + 2 * kv) + heads * width + gated * width * Double(innerWidth)
    let head = classes > 0 ? 0 : width * (Double(vocabulary) + (kind == .encoder ? width : 0))
    return 6 * (Double(layers) * block + share * head) + 12 * Double(layers) * heads * Double(length)
  }
}
