import CKernels

extension Tensor {
  /// self[row] = table[ids[row] − firstRow], 0 where there is no such row (+ positionTable[positions[row]]).
  /// self: [rows, width], tables: [count, width]
  ///
  /// - Parameter firstRow: the id of the table's first row, where a rank holds a part of the rows; the sum of all
  ///   ranks' results is then the embedding.
  package func setEmbedding(
    _ ids: Tensor, table: Tensor, firstRow: Int = 0, positions: Tensor? = nil, positionTable: Tensor? = nil
  ) {
    precondition(
      ids.count == rows && table.columns == columns, "\(ids.shape) ids, \(table.shape) into \(shape)")
    device.run("embedding", bytes: (positionTable == nil ? 2 : 3) * byteCount) {
      nk_embedding_forward(
        $0, table.f32, table.part(from: firstRow), positionTable?.f32, ids.i32, positions?.i32, f32,
        Int64(rows), Int64(columns))
    }
  }

  /// self[ids[row] − firstRow] += dy[row], where there is such a row: the gradient of a table.
  package func addEmbeddingGradient(_ dy: Tensor, ids: Tensor, firstRow: Int = 0) {
    precondition(ids.count == dy.rows && dy.columns == columns, "\(dy.shape) into \(shape)")
    // Rows of the table are read and written; ids may repeat, and then it takes less.
    device.run("embedding backward", bytes: dy.byteCount + 2 * min(byteCount, dy.byteCount)) {
      nk_embedding_backward(
        $0, f32, part(from: firstRow), ids.i32, dy.f32, Int64(dy.rows), Int64(columns))
    }
  }

  private func part(from firstRow: Int) -> nk_table_part {
    nk_table_part(first_row: Int64(firstRow), table_rows: Int64(rows))
  }
}
