import CKernels

extension Tensor {
  /// self[row] = table[ids[row]] (+ positionTable[positions[row]]).  self: [rows, width], tables: [count, width]
  package func setEmbedding(
    _ ids: Tensor, table: Tensor, positions: Tensor? = nil, positionTable: Tensor? = nil
  ) {
    precondition(
      ids.count == rows && table.columns == columns, "\(ids.shape) ids, \(table.shape) into \(shape)")
    device.run("embedding", bytes: (positionTable == nil ? 2 : 3) * byteCount) {
      nk_embedding_forward(
        $0, table.f32, positionTable?.f32, ids.i32, positions?.i32, f32, Int64(rows), Int64(columns))
    }
  }

  /// self[ids[row]] += dy[row]: the gradient of a table.
  package func addEmbeddingGradient(_ dy: Tensor, ids: Tensor) {
    precondition(ids.count == dy.rows && dy.columns == columns, "\(dy.shape) into \(shape)")
    // Rows of the table are read and written; ids may repeat, and then it takes less.
    device.run("embedding backward", bytes: dy.byteCount + 2 * min(byteCount, dy.byteCount)) {
      nk_embedding_backward($0, f32, ids.i32, dy.f32, Int64(dy.rows), Int64(columns))
    }
  }
}
