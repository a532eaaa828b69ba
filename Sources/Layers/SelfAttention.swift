import Tensors

/// y = x + dropout(output(attention(norm(x)))): the first half of a pre-norm transformer block.
///
/// Heads may share keys and values in groups (Ainslie et al. 2023); positions turn queries and keys where a
/// rotary table is given.
package struct SelfAttention: Layer {
  package let norm: Norm
  /// q, k and v side by side: [heads + 2·keyValueHeads] · headWidth out.
  package let qkv: Linear
  package let output: ResidualProjection
  package let heads: Int
  package let keyValueHeads: Int
  package let headWidth: Int
  package let rotary: RotaryTable?
  package let dropout: Float
  /// Which layer this is, for its cache and its random keys.
  package let index: Int
  /// Whether only what is dear to compute is kept for the way back.
  package let isSelective: Bool

  package struct Saved {
    let x: Tensor
    let statistics: Tensor
    let qkv: Tensor
    /// norm(x), the attention's output and its log-sums; recomputed when selective.
    let cheap: Cheap?
  }

  package struct Cheap {
    let normed: Tensor
    let context: Tensor
    let logSum: Tensor
  }

  package init(
    _ name: String, norm: Norm, width: Int, heads: Int, keyValueHeads: Int, headWidth: Int, bias: Bool,
    deviation: Float, outputDeviation: Float, rotary: RotaryTable?, dropout: Float, index: Int,
    isSelective: Bool, _ store: ParameterStore
  ) {
    self.norm = norm
    qkv = Linear(
      [
        ("\(name).q", heads * headWidth), ("\(name).k", keyValueHeads * headWidth),
        ("\(name).v", keyValueHeads * headWidth),
      ], in: width, bias: bias, deviation: deviation, store)
    output = ResidualProjection(
      Linear(
        "\(name).output", in: heads * headWidth, out: width, bias: bias, deviation: outputDeviation, store),
      dropout: dropout, index: index, place: "attention output")
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    self.rotary = rotary
    self.dropout = dropout
    self.index = index
    self.isSelective = isSelective
  }

  private var queryColumns: Range<Int> { 0..<heads * headWidth }
  private var keyColumns: Range<Int> { heads * headWidth..<(heads + keyValueHeads) * headWidth }
  private var valueColumns: Range<Int> {
    (heads + keyValueHeads) * headWidth..<(heads + 2 * keyValueHeads) * headWidth
  }

  package func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Saved) {
    let (normed, norms) = norm.forward(x, microbatch)
    let qkv = self.qkv.apply(normed)
    rotary?.rotate(
      qkv.columns(0..<keyColumns.upperBound), headWidth: headWidth, positions: microbatch.positions)
    let (context, logSum) = attend(qkv, microbatch)
    let y = output.apply(context, residual: x, microbatch)
    return (
      y,
      Saved(
        x: x, statistics: norms.statistics, qkv: qkv,
        cheap: isSelective ? nil : Cheap(normed: normed, context: context, logSum: logSum))
    )
  }

  package func backward(_ dy: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch) -> Tensor {
    let norms = Norm.Saved(x: saved.x, statistics: saved.statistics)
    let cheap = saved.cheap ?? recompute(saved, microbatch)
    let q = saved.qkv.columns(queryColumns), k = saved.qkv.columns(keyColumns)
    let v = saved.qkv.columns(valueColumns)

    let dContext = output.backward(dy, x: cheap.context, microbatch)
    let dqkv = Tensor(uninitialized: saved.qkv.shape, on: dy.device)
    attention(microbatch, keys: microbatch.length).backward(
      dContext, q: q, k: k, v: v, output: cheap.context, logSum: cheap.logSum,
      dq: dqkv.columns(queryColumns), dk: dqkv.columns(keyColumns), dv: dqkv.columns(valueColumns))
    rotary?.rotate(
      dqkv.columns(0..<keyColumns.upperBound), headWidth: headWidth, positions: microbatch.positions,
      inverse: true)
    qkv.addGradients(dqkv, x: cheap.normed, microbatch)
    return norm.backward(qkv.inputGradient(dqkv), norms, residual: dy)
  }

  package func savedBytes(tokens: Int) -> Int {
    let context = heads * headWidth
    let kept = 2 + context + 2 * keyValueHeads * headWidth
    return tokens * (isSelective ? kept : kept + norm.gain.shape.count + context + heads) * DType.f32.size
  }

  private func attention(_ microbatch: Microbatch, keys: Int) -> Attention {
    var attention = Attention(
      batch: microbatch.sequences, length: microbatch.length, keyLength: keys, heads: heads,
      keyValueHeads: keyValueHeads, headWidth: headWidth)
    if dropout > 0, let key = microbatch.key {
      attention.dropout = dropout
      attention.dropoutKey = key.at(index).at("attention").value
    }
    return attention
  }

  private func attend(_ qkv: Tensor, _ microbatch: Microbatch) -> (context: Tensor, logSum: Tensor) {
    let context = Tensor(uninitialized: Shape(qkv.rows, heads * headWidth), on: qkv.device)
    let logSum = Tensor(uninitialized: Shape(microbatch.sequences * heads, microbatch.length), on: qkv.device)
    if let cache = microbatch.cache {
      let (k, v) = cache.append(qkv.columns(keyColumns.lowerBound..<valueColumns.upperBound), layer: index)
      var attention = attention(microbatch, keys: cache.length + microbatch.length)
      attention.keyValueSequenceStride = cache.sequenceStride
      attention.forward(q: qkv.columns(queryColumns), k: k, v: v, output: context, logSum: logSum)
    } else {
      attention(microbatch, keys: microbatch.length).forward(
        q: qkv.columns(queryColumns), k: qkv.columns(keyColumns), v: qkv.columns(valueColumns),
        output: context, logSum: logSum)
    }
    return (context, logSum)
  }

  private func recompute(_ saved: Saved, _ microbatch: Microbatch) -> Cheap {
    let (normed, _) = norm.forward(saved.x, microbatch)
    let (context, logSum) = attend(saved.qkv, microbatch)
    return Cheap(normed: normed, context: context, logSum: logSum)
  }
}
