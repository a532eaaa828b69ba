import Tensors

/// How long a device takes for an operation: the longer of its arithmetic and its memory traffic, each at the share of
/// the rated figure that is reached, and the gap to the next.
///
///     seconds = max(FLOPs / (peak · products · filling), bytes / (bandwidth · memory)) + launch
struct OperationTime {
  let cluster: Cluster
  let arithmetic: Arithmetic
  private let measured: [String: Cluster.MeasuredOperation]

  init(_ cluster: Cluster, _ arithmetic: Arithmetic) {
    self.cluster = cluster
    self.arithmetic = arithmetic
    measured = Dictionary(cluster.operations.map { ($0.name, $0) }) { first, _ in first }
  }

  /// - Parameters:
  ///   - bytes: of f32, as traces count them.
  ///   - isOfActivations: whether they shrink with the type of activations; the optimizer's do not.
  func seconds(
    _ operation: Profile.Operation, flops: Int, bytes: Int, isOfActivations: Bool
  ) -> Double {
    if let known = measured[operation.name] {
      return known.call * 1e-6 + (known.perKiloflop * Double(flops) + known.perKilobyte * Double(bytes))
        * 1e-12
    }
    let scale = isOfActivations ? arithmetic.activationScale : 1
    if let product = operation.product { return seconds(product, bytes: Double(bytes), scale: scale) }
    if let scores = operation.scores { return attention(operation, scores, flops: flops, bytes: bytes) }
    return moving(Double(bytes) * scale)
  }

  private var launch: Double { cluster.efficiency.launch * 1e-6 }

  private var bandwidth: Double { cluster.device.bandwidth * 1e9 * cluster.efficiency.memory }

  private func moving(_ bytes: Double) -> Double { bytes / bandwidth + launch }

  private func multiplying(_ flops: Double, filling: Double = 1, bytes: Double) -> Double {
    max(flops / (arithmetic.peak * cluster.efficiency.products * filling), bytes / bandwidth) + launch
  }

  // MARK: Products

  private func seconds(_ product: Profile.Product, bytes: Double, scale: Double) -> Double {
    let (m, n, k) = (Double(product.m), Double(product.n), Double(product.k))
    // Weight gradients are added to.
    let operands = 4 * (m * k + k * n + (product.transposition == .first ? 2 : 1) * m * n)
    let riding = max(0, bytes - operands)
    let flops = 2 * m * n * k, filling = filling(m: product.m, n: product.n)
    guard cluster.software.epilogues == .separate, riding >= 4 * m * n else {
      return multiplying(flops, filling: filling, bytes: bytes * scale)
    }
    return multiplying(flops, filling: filling, bytes: operands * scale)
      + moving((riding + 4 * m * n) * scale)
  }

  /// How much of the units a product keeps busy: its tiles come in waves, and the last may be short. A smaller tile
  /// reads more for each FLOP and is slower, but fills better; the library takes what is best.
  private func filling(m: Int, n: Int) -> Double {
    let units = cluster.device.units
    guard units > 0 else { return 1 }
    return Self.tiles.map { tile in
      let tiles = ((m + tile.rows - 1) / tile.rows) * ((n + tile.columns - 1) / tile.columns)
      let waves = (tiles + units - 1) / units
      return tile.rate * Double(m * n) / Double(waves * units * tile.rows * tile.columns)
    }.max() ?? 1
  }

  /// Tiles of cuBLAS and the rates of each, of the largest (NVIDIA, Matrix Multiplication Background User's Guide, §3).
  private static let tiles: [(rows: Int, columns: Int, rate: Double)] = [
    (256, 128, 1), (128, 256, 1), (128, 128, 0.9), (256, 64, 0.85), (128, 64, 0.75), (64, 64, 0.6),
  ]

  // MARK: Attention

  private func attention(
    _ operation: Profile.Operation, _ scores: Profile.Scores, flops: Int, bytes: Int
  ) -> Double {
    let isBackward = operation.name.hasSuffix("backward")
    guard cluster.software.attention == .materialized else {
      let rate = arithmetic.peak * cluster.efficiency.attention
      return max(Double(flops) / rate, Double(bytes) * arithmetic.activationScale / bandwidth) + launch
    }
    let element = 4 * arithmetic.activationScale
    let square = Double(scores.count) * Double(scores.queries) * Double(scores.keys)
    let vectors = Double(scores.count) * Double(scores.queries + scores.keys) * Double(scores.headWidth)
    let product = multiplying(
      2 * square * Double(scores.headWidth), bytes: (square + vectors) * element)
    // Softmax reads and writes the square, its gradient reads it twice; a mask of dropout is a byte.
    let softmax = moving((isBackward ? 3 : 2) * square * element)
    let dropout = scores.isDropping ? moving(square * (2 * element + 1)) : 0
    return (isBackward ? 4 : 2) * product + softmax + dropout
  }
}
