import Collectives
import Layers
import Tensors

/// A transformer, or the part of one that a rank holds: embedding, pre-norm blocks and a head. GPT-2, Nemotron-4, Llama
/// and BERT differ by `Config` alone.
package final class Transformer {
  package let config: Config
  package let part: TransformerPart
  package let store: ParameterStore
  /// At the beginning of the first chunk of the first pipeline stage.
  package let embedding: Embedding?
  /// The blocks of each model chunk.
  package let chunks: [[Recomputed<TransformerBlock>]]
  /// At the end of the last chunk of the last pipeline stage.
  package let head: (any Head)?
  package let device: Device
  /// Lists that microbatches left behind, emptied: their memory serves the next.
  private var idleLists: [[Recomputed<TransformerBlock>.Saved]] = []

  /// What forward leaves behind for backward.
  package struct Saved {
    fileprivate var blocks: [Recomputed<TransformerBlock>.Saved] = []
  }

  /// Builds the model with unset parameters: `store.initialize(seed:)` or a checkpoint gives them values.
  /// Gradients are allocated where `isTrained`.
  ///
  /// - Parameters:
  ///   - multiple: what the elements of the parameters' arenas are a multiple of.
  ///   - format: how matrices are kept in a model that only computes; nil: as training has them.
  package init(
    _ config: Config, part: TransformerPart? = nil, recompute: Recompute = .none, isTrained: Bool = true,
    multiple: Int = 16, packing format: WeightFormat? = nil, on device: Device
  ) {
    precondition(config.problems.isEmpty, config.problems.joined(separator: "; "))
    precondition(config.vocabulary > 0, "the vocabulary is resolved before a model is built")
    let part = part ?? .whole(of: config)
    self.config = config
    self.part = part
    self.device = device
    let store = ParameterStore()
    let deviation = Float(config.initialDeviation)
    embedding =
      part.hasEmbedding
      ? Embedding(
        vocabulary: config.vocabulary, width: config.width,
        context: config.positions == .learned ? config.context : nil, segments: config.segments,
        deviation: deviation,
        dropout: Float(config.dropout), part.axis, store) : nil
    let rotary =
      config.positions == .rotary
      ? RotaryTable(
        width: config.rotaryWidth, positions: config.context, base: config.rotaryBase, on: device) : nil
    chunks = part.chunks.map { layers in
      layers.map { index in
        Recomputed(
          Self.block(
            index, config, rotary: rotary, isSelective: recompute == .selective, part.axis, store),
          when: recompute == .full)
      }
    }
    head =
      part.hasHead ? HeadBuilder(config: config, axis: part.axis, store: store).head(tiedTo: embedding) : nil
    self.store = store
    store.allocate(on: device, gradients: isTrained, multiple: multiple, packing: format)
  }

  private static func block(
    _ index: Int, _ config: Config, rotary: RotaryTable?, isSelective: Bool, _ axis: TensorAxis,
    _ store: ParameterStore
  ) -> TransformerBlock {
    func norm(_ name: String) -> Norm {
      Norm(name, config.norm, width: config.width, epsilon: Float(config.normEpsilon), axis, store)
    }
    let attention = SelfAttention(
      "layers.\(index).attention", norm: norm("layers.\(index).attention.norm"), width: config.width,
      heads: config.heads, keyValueHeads: config.keyValueHeadCount, headWidth: config.headSize,
      isCausal: config.kind == .decoder, bias: config.bias, deviation: Float(config.initialDeviation),
      outputDeviation: Float(config.outputDeviation), rotary: rotary, dropout: Float(config.dropout),
      index: index, isSelective: isSelective, axis, store)
    let feedForward = FeedForward(
      "layers.\(index).mlp", norm: norm("layers.\(index).mlp.norm"), width: config.width,
      inner: config.innerWidth, activation: config.activation, bias: config.bias,
      deviation: Float(config.initialDeviation), outputDeviation: Float(config.outputDeviation),
      dropout: Float(config.dropout), index: index, isSelective: isSelective, axis, store)
    return TransformerBlock(attention: attention, feedForward: feedForward)
  }

  /// All blocks that this rank holds.
  package var blocks: [Recomputed<TransformerBlock>] { chunks.flatMap(\.self) }

  /// Where in the arena the gradients stand that are also another stage's: the table, where it is tied to an
  /// embedding on another rank.
  package var tiedRange: Range<Int>? {
    guard config.tiedEmbeddings, config.classes == 0, (embedding == nil) != (head == nil) else { return nil }
    return (embedding?.tokens ?? head?.output?.weight)?.range
  }

  // MARK: A part of a model

  /// The residual stream behind chunk `chunk`, from that before it: nil where the chunk begins with the embedding.
  /// [tokens held, width]
  package func forward(chunk: Int, _ input: Tensor?, _ microbatch: Microbatch) -> (
    hidden: Tensor, saved: Saved
  ) {
    var x = start(input, microbatch)
    var saved = Saved(blocks: idleLists.popLast() ?? [])
    saved.blocks.reserveCapacity(chunks[chunk].count)
    for block in chunks[chunk] {
      let (y, kept) = block.forward(x, microbatch)
      saved.blocks.append(kept)
      x = y
    }
    return (x, saved)
  }

  /// Accumulates the gradients of the chunk's parameters, but the head's, and gives that of its input; nil where the
  /// chunk begins with the embedding.
  ///
  /// - Parameter completed: called behind each block with the place of its first matrix in the arena.
  package func backward(
    chunk: Int, _ dHidden: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch,
    completed: (Int) -> Void = { _ in }
  ) -> Tensor? {
    var dx = dHidden
    for block in chunks[chunk].reversed() {
      // Each block's share is released as soon as it has been read.
      dx = block.backward(dx, saved.blocks.removeLast(), microbatch)
      completed(block.body.attention.qkv.linear.weight.range.lowerBound)
    }
    idleLists.append(saved.blocks)
    guard chunk == 0, let embedding else { return dx }
    embedding.backward(dx, microbatch)
    return nil
  }

  /// The residual stream behind chunk `chunk`, nothing kept.
  package func hidden(chunk: Int, _ input: Tensor?, _ microbatch: Microbatch) -> Tensor {
    chunks[chunk].reduce(start(input, microbatch)) { $1.forward($0, microbatch).y }
  }

  private func start(_ input: Tensor?, _ microbatch: Microbatch) -> Tensor {
    guard let x = input ?? embedding?.forward(microbatch, on: device) else {
      preconditionFailure("a part of a model without the embedding needs an input")
    }
    return x
  }

  /// Bytes of activations that one microbatch keeps between forward and backward: blocks and their inputs.
  package func savedBytes(tokens: Int) -> Int {
    let input = part.axis.held(tokens) * config.width * DType.f32.size
    return blocks.reduce(0) { $0 + $1.savedBytes(tokens: tokens) + input }
  }
}
