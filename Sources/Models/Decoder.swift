import Layers
import Tensors

/// A decoder-only transformer: embedding, pre-norm blocks, a last norm and the map to the vocabulary.
/// GPT-2, Nemotron-4 and Llama differ by `Config` alone.
package final class Decoder {
  package let config: Config
  package let store: ParameterStore
  package let embedding: Embedding
  package let blocks: [Recomputed<TransformerBlock>]
  package let head: LanguageModelHead
  package let device: Device
  /// The list that the last microbatch left behind, emptied: its memory serves the next.
  private var idleList: [Recomputed<TransformerBlock>.Saved] = []

  /// What forward leaves behind for backward.
  package struct Saved {
    fileprivate var blocks: [Recomputed<TransformerBlock>.Saved] = []
  }

  /// Builds the model with unset parameters: `store.initialize(seed:)` or a checkpoint gives them values.
  /// Gradients are allocated where `isTrained`.
  package init(_ config: Config, recompute: Recompute = .none, isTrained: Bool = true, on device: Device) {
    precondition(config.problems.isEmpty, config.problems.joined(separator: "; "))
    precondition(config.vocabulary > 0, "the vocabulary is resolved before a model is built")
    self.config = config
    self.device = device
    let store = ParameterStore()
    let deviation = Float(config.initialDeviation)
    let embedding = Embedding(
      vocabulary: config.vocabulary, width: config.width,
      context: config.positions == .learned ? config.context : nil, deviation: deviation,
      dropout: Float(config.dropout), store)
    let rotary =
      config.positions == .rotary
      ? RotaryTable(
        width: config.rotaryWidth, positions: config.context, base: config.rotaryBase, on: device) : nil
    blocks = (0..<config.layers).map { index in
      Recomputed(
        Self.block(index, config, rotary: rotary, isSelective: recompute == .selective, store),
        when: recompute == .full)
    }
    let norm = Norm("norm", config.norm, width: config.width, epsilon: Float(config.normEpsilon), store)
    let output =
      config.tiedEmbeddings
      ? embedding.tokens
      : store.add(
        [("output.weight", config.vocabulary)], columns: config.width, decays: true,
        .normal(deviation: deviation))
    head = LanguageModelHead(norm: norm, weight: output)
    self.embedding = embedding
    self.store = store
    store.allocate(on: device, gradients: isTrained)
  }

  private static func block(
    _ index: Int, _ config: Config, rotary: RotaryTable?, isSelective: Bool, _ store: ParameterStore
  ) -> TransformerBlock {
    func norm(_ name: String) -> Norm {
      Norm(name, config.norm, width: config.width, epsilon: Float(config.normEpsilon), store)
    }
    let attention = SelfAttention(
      "layers.\(index).attention", norm: norm("layers.\(index).attention.norm"), width: config.width,
      heads: config.heads, keyValueHeads: config.keyValueHeadCount, headWidth: config.headSize,
      bias: config.bias, deviation: Float(config.initialDeviation),
      outputDeviation: Float(config.outputDeviation), rotary: rotary, dropout: Float(config.dropout),
      index: index, isSelective: isSelective, store)
    let feedForward = FeedForward(
      "layers.\(index).mlp", norm: norm("layers.\(index).mlp.norm"), width: config.width,
      inner: config.innerWidth, activation: config.activation, bias: config.bias,
      deviation: Float(config.initialDeviation), outputDeviation: Float(config.outputDeviation),
      dropout: Float(config.dropout), index: index, isSelective: isSelective, store)
    return TransformerBlock(attention: attention, feedForward: feedForward)
  }

  /// The residual stream behind the last block. [tokens, width]
  package func forward(_ microbatch: Microbatch) -> (hidden: Tensor, saved: Saved) {
    var x = embedding.forward(microbatch, on: device)
    var saved = Saved()
    swap(&saved.blocks, &idleList)
    saved.blocks.reserveCapacity(blocks.count)
    for block in blocks {
      let (y, kept) = block.forward(x, microbatch)
      saved.blocks.append(kept)
      x = y
    }
    return (x, saved)
  }

  /// Accumulates the gradients of all parameters but the head's from dHidden.
  package func backward(_ dHidden: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch) {
    var dx = dHidden
    for block in blocks.reversed() {
      // Each block's share is released as soon as it has been read.
      dx = block.backward(dx, saved.blocks.removeLast(), microbatch)
    }
    idleList = saved.blocks
    embedding.backward(dx, microbatch)
  }

  /// The residual stream behind the last block, nothing kept.
  package func hidden(_ microbatch: Microbatch) -> Tensor {
    let x = blocks.reduce(embedding.forward(microbatch, on: device)) { $1.forward($0, microbatch).y }
    microbatch.cache?.advance(by: microbatch.length)
    return x
  }

  /// logits of every token. [tokens, vocabulary]
  package func logits(_ microbatch: Microbatch) -> Tensor { head.logits(hidden(microbatch), microbatch) }

  /// Forward and backward: the loss of each token, with gradientWeight · ∂(Σ losses) accumulated everywhere.
  package func lossesAndGradients(_ microbatch: Microbatch, targets: Tensor, gradientWeight: Float) -> Tensor
  {
    let (hidden, saved) = forward(microbatch)
    let (losses, dHidden) = head.lossesAndGradient(
      hidden, targets: targets, gradientWeight: gradientWeight, microbatch)
    backward(dHidden, saved, microbatch)
    return losses
  }

  /// Bytes of activations that one microbatch keeps between forward and backward: blocks and their inputs.
  package func savedBytes(tokens: Int) -> Int {
    blocks.reduce(0) { $0 + $1.savedBytes(tokens: tokens) + tokens * config.width * DType.f32.size }
  }
}
