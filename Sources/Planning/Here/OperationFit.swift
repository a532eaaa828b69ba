import Telemetry
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What operations take on a machine, from what they took in steps of several shapes:
/// seconds = call + FLOPs / rate + bytes / bandwidth, each kind of operation with its own three figures.
struct OperationFit {
  /// One shape of an operation.
  private struct Sample {
    let seconds: Double
    let flops: Double
    let bytes: Double
    /// Of all its calls together.
    let weight: Double
  }

  let operations: [Cluster.MeasuredOperation]

  init(_ rows: [Profile.Row]) {
    var samples: [String: [Sample]] = [:]
    for row in rows where row.calls > 0 {
      let calls = Double(row.calls)
      samples[row.operation.name, default: []].append(
        Sample(
          seconds: row.duration.seconds / calls, flops: Double(row.flops) / calls,
          bytes: Double(row.bytes) / calls, weight: row.duration.seconds))
    }
    operations = samples.map { Self.fit($0.key, $0.value) }.sorted { $0.name < $1.name }
  }

  /// The figures, none below 0, that make Σ weight · (predicted / measured − 1)² least.
  private static func fit(_ name: String, _ samples: [Sample]) -> Cluster.MeasuredOperation {
    // Of the seven subsets of three figures, the best whose figures are all positive.
    var best: (error: Double, figures: [Double]) = (.infinity, [0, 0, 0])
    for subset in 1..<8 {
      let columns = (0..<3).filter { subset >> $0 & 1 == 1 }
      guard let figures = solve(samples, columns), figures.allSatisfy({ $0 >= 0 }) else { continue }
      let error = samples.reduce(0) { sum, sample in
        let off = value(figures, sample) / sample.seconds - 1
        return sum + sample.weight * off * off
      }
      if error < best.error { best = (error, figures) }
    }
    var operation = Cluster.MeasuredOperation()
    operation.name = name
    operation.call = best.figures[0] * 1e6
    operation.perKiloflop = best.figures[1] * 1e12
    operation.perKilobyte = best.figures[2] * 1e12
    return operation
  }

  private static func parts(_ sample: Sample) -> [Double] { [1, sample.flops, sample.bytes] }

  private static func value(_ figures: [Double], _ sample: Sample) -> Double {
    zip(figures, parts(sample)).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The least squares of the figures in `columns`, others 0; nil where they are not determined.
  private static func solve(_ samples: [Sample], _ columns: [Int]) -> [Double]? {
    // Scaled to what is of a like size.
    let scales = columns.map { column in samples.map { parts($0)[column] / $0.seconds }.max() ?? 0 }
    guard scales.allSatisfy({ $0 > 0 }) else { return nil }
    let count = columns.count
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
    var vector = [Double](repeating: 0, count: count)
    for sample in samples {
      let row = zip(columns, scales).map { parts(sample)[$0] / sample.seconds / $1 }
      for i in 0..<count {
        vector[i] += sample.weight * row[i]
        for j in 0..<count { matrix[i][j] += sample.weight * row[i] * row[j] }
      }
    }
    guard let solution = LinearSystem.solve(matrix, vector) else { return nil }
    var figures = [0.0, 0, 0]
    for (index, column) in columns.enumerated() { figures[column] = solution[index] / scales[index] }
    return figures
  }
}

/// Small symmetric systems of equations.
enum LinearSystem {
  /// x with matrix·x = vector; nil where that is not determined.
  static func solve(_ matrix: [[Double]], _ vector: [Double]) -> [Double]? {
    var (matrix, vector) = (matrix, vector)
    let count = vector.count
    for i in 0..<count {
      let pivot = (i..<count).max { abs(matrix[$0][i]) < abs(matrix[$1][i]) } ?? i
      matrix.swapAt(i, pivot)
      vector.swapAt(i, pivot)
      guard abs(matrix[i][i]) > 1e-12 else { return nil }
      for j in (i + 1)..<max(i + 1, count) {
        let factor = matrix[j][i] / matrix[i][i]
        for k in i..<count { matrix[j][k] -= factor * matrix[i][k] }
        vector[j] -= factor * vector[i]
      }
    }
    for i in (0..<count).reversed() {
      for j in (i + 1)..<max(i + 1, count) { vector[i] -= matrix[i][j] * vector[j] }
      vector[i] /= matrix[i][i]
    }
    return vector
  }
}
