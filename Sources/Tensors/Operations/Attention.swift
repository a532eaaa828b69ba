import CKernels

/// Scaled-dot-product attention, softmax(q·kᵀ·scale)·v, tiled so that no [length, length] matrix is kept
/// (FlashAttention, Dao et al. 2022). Query heads in groups share a key-value head.
package struct Attention {
  /// Sequences side by side in the rows of q.
  package var batch: Int
  /// Queries of each sequence.
  package var length: Int
  /// Keys of each sequence; the last query stands at the last key.
  package var keyLength: Int
  package var heads: Int
  package var keyValueHeads: Int
  package var headWidth: Int
  /// Multiplies q·kᵀ; 1/√headWidth as a rule.
  package var scale: Float
  /// Whether a query sees no later key.
  package var isCausal = true
  /// How many keys of each sequence are not padding, [batch] of 1 ... keyLength, i32; nil: all. No query sees
  /// padding, its dk and dv are 0, and what a sequence gives does not depend on it. Not where causal.
  package var visible: Tensor?
  /// Probability of dropping an attention weight, and the key of the mask.
  package var dropout: Float = 0
  package var dropoutKey: UInt64 = 0
  /// Whose masks dropout draws, where the heads are only some of a layer's: those of heads
  /// firstHead ..< firstHead + heads of totalHeads. nil where they are all.
  package var totalHeads: Int?
  package var firstHead = 0

  package init(
    batch: Int, length: Int, keyLength: Int? = nil, heads: Int, keyValueHeads: Int, headWidth: Int,
    scale: Float? = nil
  ) {
    self.batch = batch
    self.length = length
    self.keyLength = keyLength ?? length
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    self.scale = scale ?? 1 / Float(headWidth).squareRoot()
  }

  /// output = attention. q, output: [batch·length, heads·headWidth]; k, v: [batch·keyLength, kvHeads·headWidth];
  /// logSum, kept for the way back: [batch, heads, length].
  package func forward(q: Tensor, k: Tensor, v: Tensor, output: Tensor, logSum: Tensor?) {
    var arguments = arguments(q, k, v, output)
    arguments.log_sum = logSum?.f32
    q.device.run(
      "attention", nil, sizes, flops: 2 * 2 * headWidth * scores,
      bytes: q.byteCount + k.byteCount + v.byteCount + output.byteCount
    ) { nk_attention_forward($0, &arguments) }
  }

  /// dq, dk, dv = gradients, assigned; in the shapes of q, k, v.
  package func backward(
    _ dOutput: Tensor, q: Tensor, k: Tensor, v: Tensor, output: Tensor, logSum: Tensor, dq: Tensor,
    dk: Tensor,
    dv: Tensor
  ) {
    precondition(
      keyLength == length, "the way back needs as many keys as queries, got \(keyLength), \(length)")
    var arguments = arguments(q, k, v, output)
    arguments.log_sum = logSum.f32
    arguments.d_output = UnsafePointer(dOutput.f32)
    arguments.ldd = Int64(dOutput.rowStride)
    arguments.dq = dq.f32
    arguments.lddq = Int64(dq.rowStride)
    arguments.dk = dk.f32
    arguments.lddk = Int64(dk.rowStride)
    arguments.dv = dv.f32
    arguments.lddv = Int64(dv.rowStride)
    // The scores again, and the gradients of v, weights, q and k.
    q.device.run(
      "attention backward", nil, sizes, flops: 5 * 2 * headWidth * scores,
      bytes: 2 * (q.byteCount + k.byteCount + v.byteCount + output.byteCount)
    ) { nk_attention_backward($0, &arguments) }
  }

  /// Pairs of a query and a key that it sees, over all sequences and heads.
  private var scores: Int {
    if isCausal { return batch * heads * length * (2 * keyLength - length + 1) / 2 }
    return heads * length * (visibleKeys?.reduce(0) { $0 + Int($1) } ?? batch * keyLength)
  }

  private var sizes: Profile.Scores {
    Profile.Scores(
      count: batch * heads, queries: length, keys: keyLength, headWidth: headWidth, isDropping: dropout > 0)
  }

  private var visibleKeys: UnsafeBufferPointer<Int32>? {
    visible.map { UnsafeBufferPointer(start: $0.i32, count: $0.count) }
  }

  private func arguments(_ q: Tensor, _ k: Tensor, _ v: Tensor, _ output: Tensor) -> nk_attention_args {
    precondition(heads % keyValueHeads == 0, "\(heads) heads cannot share \(keyValueHeads) key-value heads")
    precondition(
      q.rows == batch * length && q.columns == heads * headWidth,
      "expected q of [\(batch * length), \(heads * headWidth)], got \(q.shape)")
    precondition(
      k.columns == keyValueHeads * headWidth && v.columns == k.columns, "k \(k.shape), v \(v.shape)")
    precondition(
      firstHead >= 0 && firstHead + heads <= totalHeads ?? heads,
      "heads \(firstHead) ..< \(firstHead + heads) of \(totalHeads ?? heads)")
    precondition(length <= keyLength && keyLength < 1 << 22, "\(length) queries and \(keyLength) keys")
    if let visibleKeys {
      precondition(!isCausal, "sequences are padded where attention is not causal")
      precondition(
        visibleKeys.count == batch && visibleKeys.allSatisfy { 1 <= $0 && $0 <= keyLength },
        "expected \(batch) counts of 1 ... \(keyLength) visible keys, got \(Array(visibleKeys))")
    }
    var arguments = nk_attention_args()
    arguments.batch = Int64(batch)
    arguments.length = Int64(length)
    arguments.key_length = Int64(keyLength)
    arguments.heads = Int64(heads)
    arguments.kv_heads = Int64(keyValueHeads)
    arguments.head_width = Int64(headWidth)
    arguments.scale = scale
    arguments.causal = isCausal
    arguments.visible = visible.map { UnsafePointer($0.i32) }
    arguments.q = UnsafePointer(q.f32)
    arguments.ldq = Int64(q.rowStride)
    arguments.k = UnsafePointer(k.f32)
    arguments.ldk = Int64(k.rowStride)
    arguments.v = UnsafePointer(v.f32)
    arguments.ldv = Int64(v.rowStride)
    arguments.output = output.f32
    arguments.ldo = Int64(output.rowStride)
    arguments.dropout = dropout
    arguments.dropout_key = dropoutKey
    arguments.total_heads = Int64(totalHeads ?? heads)
    arguments.first_head = Int64(firstHead)
    return arguments
  }
}
