import Foundation
import Synchronization
import Tensors
import Topology

@testable import Checkpoints

/// A model's tensors and how the ranks of a mesh hold them: everything that can be uneven is.
struct MeshModel {
  enum Division { case rows, columns, replicated }

  struct Parameter {
    let name: String
    let shape: [Int]
    let division: Division
    /// The pipeline stage of a model of many, as a share of the way.
    let depth: Double
  }

  static let parameters: [Parameter] =
    [Parameter(name: "embedding", shape: [53, 6], division: .rows, depth: 0)]
    + (0..<4).flatMap { layer in
      let depth = (Double(layer) + 0.5) / 4
      return [
        Parameter(name: "\(layer).norm", shape: [6], division: .replicated, depth: depth),
        Parameter(name: "\(layer).up", shape: [10, 6], division: .rows, depth: depth),
        Parameter(name: "\(layer).bias", shape: [10], division: .rows, depth: depth),
        Parameter(name: "\(layer).down", shape: [6, 10], division: .columns, depth: depth),
        Parameter(name: "\(layer).experts", shape: [3, 2, 5], division: .columns, depth: depth),
      ]
    } + [Parameter(name: "head", shape: [53, 6], division: .rows, depth: 1)]

  /// Names of weights and optimizer state with their global shapes.
  static var tensors: [(name: String, shape: [Int])] {
    parameters.flatMap { parameter in
      ["", "mean.", "square."].map { ($0 + parameter.name, parameter.shape) }
    }
  }

  /// Elements that tell tensor, place and `seed`.
  static func values(_ name: String, _ shape: [Int], seed: Int = 0) -> [Float] {
    let first = tensors.firstIndex { $0.name == name } ?? 0
    return (0..<shape.reduce(1, *)).map { Float(seed * 100_000 + first * 1000 + $0) }
  }

  /// What `rank` of `mesh` holds; filled, or zero. Weights are replicated along the data axis, or when they are
  /// `toSave` divided along it; the optimizer's state always is.
  static func held(
    by rank: Int, of mesh: Mesh, toSave: Bool, isFilled: Bool, seed: Int = 0, on device: Device
  ) -> [ShardedTensor] {
    let place = mesh.coordinate(of: rank)
    return parameters.filter {
      min(Int($0.depth * Double(mesh.pipeline)), mesh.pipeline - 1) == place.pipeline
    }
    .flatMap { parameter -> [ShardedTensor] in
      let whole = Block(rows: parameter.shape[0], columns: parameter.shape.dropFirst().reduce(1, *))
      let block =
        switch parameter.division {
        case .rows:
          Block(
            rows: Range.part(place.tensor, of: mesh.tensor, count: whole.rows.count), columns: whole.columns)
        case .columns:
          Block(
            rows: whole.rows, columns: Range.part(place.tensor, of: mesh.tensor, count: whole.columns.count))
        case .replicated: whole
        }
      if toSave, parameter.division == .replicated, place.tensor > 0 { return [] }
      let share = Range.part(place.data, of: mesh.data, count: block.count)
      return ["", "mean.", "square."].map { prefix in
        let name = prefix + parameter.name
        let range = prefix.isEmpty && !toSave ? 0..<block.count : share
        let values = values(name, parameter.shape, seed: seed)
        let elements = range.map { element -> Float in
          let row = block.rows.lowerBound + element / block.columns.count
          let column = block.columns.lowerBound + element % block.columns.count
          return isFilled ? values[row * whole.columns.count + column] : 0
        }
        return ShardedTensor(
          name, Tensor(elements, Shape(range.count), on: device), block: block, range: range,
          of: parameter.shape)
      }
    }
  }
}

/// Threads as ranks.
enum Ranks {
  /// Runs `body` for every rank at once; what each threw.
  static func run(
    _ count: Int, _ body: @escaping @Sendable (Int, Barrier) throws -> Void
  ) -> [(any Error)?] {
    let errors = Mutex([(any Error)?](repeating: nil, count: count))
    let barrier = Barrier(count)
    let group = DispatchGroup()
    for rank in 0..<count {
      group.enter()
      Thread.detachNewThread {
        do { try body(rank, barrier) } catch { errors.withLock { $0[rank] = error } }
        group.leave()
      }
    }
    group.wait()
    return errors.withLock { $0 }
  }

  final class Barrier: @unchecked Sendable {
    private let condition = NSCondition()
    private let count: Int
    private var waiting = 0
    private var round = 0

    init(_ count: Int) { self.count = count }

    func wait() {
      condition.lock()
      defer { condition.unlock() }
      waiting += 1
      let mine = round
      if waiting == count {
        waiting = 0
        round += 1
        condition.broadcast()
      } else {
        while round == mine { condition.wait() }
      }
    }
  }
}
