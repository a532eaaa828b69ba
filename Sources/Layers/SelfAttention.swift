import Tensors

/// y = x + dropout(output(attention(norm(x)))): the first half of a pre-norm transformer block.
///
/// Heads may share keys and values in groups (Ainslie et al. 2023); positions turn queries and keys where a
/// rotary table is given. Ranks of the tensor axis divide the heads; where there are fewer key-value heads than
/// ranks, several ranks hold the same one, and each has a part of its gradient.
package struct SelfAttention: Layer {
  package let norm: Norm
  /// q, k and v side by side: [heads + 2·keyValueHeads] · headWidth out.
  package let qkv: ColumnParallelLinear
  package let output: RowParallelLinear
  /// Of this rank.
  package let heads: Int
  package let keyValueHeads: Int
  package let headWidth: Int
  /// Whether a token sees none behind it.
  package let isCausal: Bool
  package let rotary: RotaryTable?
  package let dropout: Float
  /// Which layer this is, for its cache and its random keys.
  package let index: Int
  /// Whether only what is dear to compute is kept for the way back.
  package let isSelective: Bool
  private let axis: TensorAxis

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

  /// `heads`, `keyValueHeads`: of the whole layer.
  package init(
    _ name: String, norm: Norm, width: Int, heads: Int, keyValueHeads: Int, headWidth: Int, isCausal: Bool,
    bias: Bool, deviation: Float, outputDeviation: Float, rotary: RotaryTable?, dropout: Float, index: Int,
    isSelective: Bool, _ axis: TensorAxis, _ store: ParameterStore
  ) {
    self.norm = norm
    self.axis = axis
    precondition(
      heads % axis.count == 0 && max(keyValueHeads, axis.count) % min(keyValueHeads, axis.count) == 0,
      "\(heads) heads and \(keyValueHeads) key-value heads for \(axis.count) ranks")
    self.heads = heads / axis.count
    self.keyValueHeads = max(1, keyValueHeads / axis.count)
    // Ranks that hold the same key-value head.
    let sharers = max(1, axis.count / keyValueHeads)
    let firstKeyValueHead = axis.rank / sharers * self.keyValueHeads
    let ownHeads = axis.rank * self.heads..<(axis.rank + 1) * self.heads
    let ownKeyValueHeads = firstKeyValueHead..<firstKeyValueHead + self.keyValueHeads
    func rows(_ heads: Range<Int>) -> Range<Int> {
      heads.lowerBound * headWidth..<heads.upperBound * headWidth
    }
    let keyValues = ["k", "v"].map {
      PartShare(
        "\(name).\($0)", rows: keyValueHeads * headWidth, held: rows(ownKeyValueHeads),
        isPartial: sharers > 1, isKept: axis.rank % sharers == 0)
    }
    qkv = ColumnParallelLinear(
      [PartShare("\(name).q", rows: heads * headWidth, held: rows(ownHeads))] + keyValues, in: width,
      bias: bias, deviation: deviation, axis, store)
    output = RowParallelLinear(
      "\(name).output", in: heads * headWidth, share: rows(ownHeads), out: width, bias: bias,
      deviation: outputDeviation, dropout: dropout, index: index, place: "attention output", axis, store)
    self.headWidth = headWidth
    self.isCausal = isCausal
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
    attention(microbatch).backward(
      dContext, q: q, k: k, v: v, output: cheap.context, logSum: cheap.logSum,
      dq: dqkv.columns(queryColumns), dk: dqkv.columns(keyColumns), dv: dqkv.columns(valueColumns))
    rotary?.rotate(
      dqkv.columns(0..<keyColumns.upperBound), headWidth: headWidth, positions: microbatch.positions,
      inverse: true)
    return norm.backward(qkv.backward(dqkv, x: cheap.normed, microbatch), norms, residual: dy)
  }

  /// Of `tokens`, those whose residual stream this rank holds.
  func held(_ tokens: Int) -> Int { axis.held(tokens) }

  package func savedBytes(tokens: Int) -> Int {
    let context = heads * headWidth, qkv = context + 2 * keyValueHeads * headWidth
    let held = axis.held(tokens) * (isSelective ? 2 : 2 + norm.gain.shape.count)
    return (held + tokens * (isSelective ? qkv : qkv + context + heads)) * DType.f32.size
  }

  private func attention(_ microbatch: Microbatch) -> Attention {
    var attention = Attention(
      batch: microbatch.sequences, length: microbatch.length, heads: heads, keyValueHeads: keyValueHeads,
      headWidth: headWidth)
    attention.isCausal = isCausal
    attention.visible = microbatch.visible
    if dropout > 0, let key = microbatch.key {
      attention.dropout = dropout
      attention.dropoutKey = key.at(index).at("attention").value
      attention.totalHeads = heads * axis.count
      attention.firstHead = heads * axis.rank
    }
    return attention
  }

  private func attend(_ qkv: Tensor, _ microbatch: Microbatch) -> (context: Tensor, logSum: Tensor) {
    let context = Tensor(uninitialized: Shape(qkv.rows, heads * headWidth), on: qkv.device)
    let logSum = Tensor(uninitialized: Shape(microbatch.sequences * heads, microbatch.length), on: qkv.device)
    let q = qkv.columns(queryColumns), k = qkv.columns(keyColumns), v = qkv.columns(valueColumns)
    if let paged = microbatch.paged {
      paged.attend(q: q, k: k, v: v, layer: index, output: context)
    } else {
      attention(microbatch).forward(q: q, k: k, v: v, output: context, logSum: logSum)
    }
    return (context, logSum)
  }

  private func recompute(_ saved: Saved, _ microbatch: Microbatch) -> Cheap {
    let (normed, _) = norm.forward(saved.x, microbatch)
    let (context, logSum) = attend(saved.qkv, microbatch)
    return Cheap(normed: normed, context: context, logSum: logSum)
  }
}
