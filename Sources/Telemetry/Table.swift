/// A short table in plain text: the first column to the left, numbers to the right.
///
///     run       loss  tok/s
///     demo    3.2145  12.3k
package struct Table: Sendable, CustomStringConvertible {
  private var rows: [[String]]
  private let hasHeader: Bool

  /// A table under `header`; none when it is empty.
  package init(_ header: [String] = [], rows: [[String]] = []) {
    hasHeader = !header.isEmpty
    self.rows = (hasHeader ? [header] : []) + rows
  }

  package mutating func append(_ row: String...) { append(row: row) }

  package mutating func append(row: [String]) { rows.append(row) }

  /// Lines joined by newlines, none at the end; no line ends in spaces.
  package var description: String {
    let columns = rows.map(\.count).max() ?? 0
    let cells = rows.map { row in (0..<columns).map { $0 < row.count ? row[$0] : "" } }
    let widths = (0..<columns).map { column in cells.map { $0[column].count }.max() ?? 0 }
    let numeric = (0..<columns).map { column in
      column > 0 && cells.dropFirst(hasHeader ? 1 : 0).allSatisfy { Self.startsAsNumber($0[column]) }
    }
    return cells.map { row in
      var line = ""
      for column in 0..<columns {
        let space = String(repeating: " ", count: widths[column] - row[column].count)
        line += (column > 0 ? "  " : "") + (numeric[column] ? space + row[column] : row[column] + space)
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }

  private static func startsAsNumber(_ cell: String) -> Bool {
    guard let first = cell.unicodeScalars.first(where: { !"+-~<>.$".unicodeScalars.contains($0) }) else {
      return true
    }
    return ("0"..."9").contains(first) || cell == "NaN" || cell == "inf" || cell == "-inf"
  }
}
