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

  /// The shape of a decoder-only transformer. GPT-2, Nemotron-4 and Llama are values of it.
  package struct Config: Codable, Sendable, Equatable {
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
    package var rotaryWidth: Int { Int(Double(headSize) * rotaryFraction) }
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
      check(normEpsilon > 0, "model.norm_epsilon must be positive, got \(normEpsilon)")
      check(initialDeviation > 0, "model.initial_deviation must be positive, got \(initialDeviation)")
      if positions == .rotary {
        check(
          (0...1).contains(rotaryFraction) && rotaryWidth > 0 && rotaryWidth % 2 == 0,
          "model.rotary_fraction \(rotaryFraction) of a head of \(headSize) gives \(rotaryWidth) rotating "
            + "components: expected an even number above 0")
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
    let tables =
      Double(tiedEmbeddings ? vocabulary : 2 * vocabulary) + (positions == .learned ? Double(context) : 0)
    return Double(layers) * (matrices + biases + 2 * norm) + norm + tables * width
  }

  /// Floating-point operations of the model for one token of a sequence of `length`, forward and backward:
  /// 6 per weight of a matrix product and 12·width-of-heads·length per layer for the full attention square.
  /// The convention of the Nemotron reports: no recompute counted, causal skipping not subtracted.
  package func modelFLOPs(perTokenOfLength length: Int) -> Double {
    let heads = Double(heads * headSize), kv = Double(keyValueHeadCount * headSize), width = Double(width)
    let gated = activation.isGated ? 3.0 : 2.0
    let block = width * (heads + 2 * kv) + heads * width + gated * width * Double(innerWidth)
    let products = Double(layers) * block + width * Double(vocabulary)
    return 6 * products + 12 * Double(layers) * heads * Double(length)
  }
}
