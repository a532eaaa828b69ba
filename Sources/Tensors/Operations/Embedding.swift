import CKernels

extension Tensor {
  /// self[row] = table[ids[row]] (+ positionTable[positions[row]]).  self: [rows, width], tables: [count, width]
  package func setEmbedding(
    _ ids: Tensor, table: Tensor, positions: Tensor? = nil, positionTable: Tensor? = nil
  ) {
    precondition(
      ids.count == rows && table.columns == columns, "\(ids.shape) ids, \(table.shape) into \(shape)")
    nk_embedding_forward(
      device.kernels, table.f32, positionTable?.f32, ids.i32, positions?.i32, f32, Int64(rows), Int64(columns)
    )
  }

  /// self[ids[row]] += dy[row]: the gradient of a table.
  package func addEmbeddingGradient(_ dy: Tensor, ids: Tensor) {
    precondition(ids.count == dy.rows && dy.columns == columns, "\(dy.shape) into \(shape)")
    nk_embedding_backward(device.kernels, f32, ids.i32, dy.f32, Int64(dy.rows), Int64(columns))
  }
}
