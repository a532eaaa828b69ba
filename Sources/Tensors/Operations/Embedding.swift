import CKernels

extension Tensor {
  /// self[row] = table[ids[row] − firstRow], 0 where there is no such row, + the rows of `positions` and `segments`:
  /// table[at[row]] of each. self: [rows, width], tables: [count, width]
  ///
  /// - Parameter firstRow: the id of the table's first row, where a rank holds a part of the rows; the sum of all
  ///   ranks' results, of which one adds positions and segments, is then the embedding, to the bit.
  package func setEmbedding(
    _ ids: Tensor, table: Tensor, firstRow: Int = 0, positions: (table: Tensor, at: Tensor)? = nil,
    segments: (table: Tensor, at: Tensor)? = nil
  ) {
    precondition(
      ids.count == rows && table.columns == columns, "\(ids.shape) ids, \(table.shape) into \(shape)")
    precondition(isContiguous && table.isContiguous, "rows of tables follow each other")
    let tables = 2 + (positions == nil ? 0 : 1) + (segments == nil ? 0 : 1)
    device.run("embedding", bytes: tables * byteCount) {
      nk_embedding_forward(
        $0, table.f32, table.part(from: firstRow), ids.i32, added(positions), added(segments), f32,
        Int64(rows), Int64(columns))
    }
  }

  private func added(_ table: (table: Tensor, at: Tensor)?) -> nk_added_rows {
    guard let (table, at) = table else { return nk_added_rows() }
    precondition(
      at.count == rows && table.columns == columns && table.isContiguous,
      "\(table.shape) at \(at.shape) into \(shape)")
    return nk_added_rows(table: table.f32, at: at.i32)
  }

  /// self[ids[row] − firstRow] += dy[row], where there is such a row: the gradient of a table.
  package func addEmbeddingGradient(_ dy: Tensor, ids: Tensor, firstRow: Int = 0) {
    precondition(ids.count == dy.rows && dy.columns == columns, "\(dy.shape) into \(shape)")
    precondition(isContiguous && dy.isContiguous, "rows of tables follow each other")
    // Rows of the table are read and written; ids may repeat, and then it takes less.
    device.run("embedding backward", bytes: dy.byteCount + 2 * min(byteCount, dy.byteCount)) {
      nk_embedding_backward(
        $0, f32, part(from: firstRow), ids.i32, dy.f32, Int64(dy.rows), Int64(columns))
    }
  }

  /// self[i] = x[rows[i]], 0 where there is no such row.
  package func setRows(of x: Tensor, at rows: Tensor) { setEmbedding(rows, table: x) }

  /// self[rows[i]] += x[i], in the order of i, where there is such a row: the way back of `setRows`.
  package func addRows(_ x: Tensor, at rows: Tensor) { addEmbeddingGradient(x, ids: rows) }

  private func part(from firstRow: Int) -> nk_table_part {
    nk_table_part(first_row: Int64(firstRow), table_rows: Int64(rows))
  }
}
