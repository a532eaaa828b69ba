import Collectives
import Layers
import Tensors

/// The gradients of data-parallel ranks on their way to becoming their sum: cut into buckets, each of which sets out
/// as soon as the backward has finished with it.
///
/// Of every bucket, each rank gets the sum of its own part; the parts of all buckets are what it `owns`. With ZeRO-1
/// it updates those alone and the values are gathered; without, the summed gradients are.
final class GradientBuckets {
  /// Where in the arena this rank's parts stand.
  let owned: [Range<Int>]
  private let buckets: [Range<Int>]
  private let store: ParameterStore
  private let group: Group
  private let reduction: MeshConfig.Reduction
  /// Whether other ranks still have something to add to a bucket when the backward is through with it.
  private let isLate: [Bool]
  private var pending: [Pending] = []
  /// Buckets before this one have not set out.
  private var next: Int

  /// What the arena's size is a multiple of: parts begin where vectors of any width do.
  static func multiple(ranks: Int) -> Int { 16 * ranks }

  /// - Parameter late: where gradients stand that are complete only when the whole backward is over.
  init(
    _ store: ParameterStore, _ group: Group, bytes: Int, reduction: MeshConfig.Reduction, late: [Range<Int>]
  ) {
    self.store = store
    self.group = group
    self.reduction = reduction
    let unit = Self.multiple(ranks: group.count)
    precondition(store.count % unit == 0, "an arena of \(store.count) for \(group.count) ranks")
    let size = group.count == 1 ? max(1, store.count) : max(unit, bytes / DType.f32.size / unit * unit)
    buckets = stride(from: 0, to: store.count, by: size).map { $0..<min(store.count, $0 + size) }
    owned = buckets.map { bucket in
      let part = bucket.count / group.count, first = bucket.lowerBound + group.rank * part
      return first..<first + part
    }
    // Biases and gains stand behind the matrices, and the first layer's are the last to be complete.
    let late = late + [store.decayedCount..<store.count]
    isLate = buckets.map { bucket in late.contains { $0.overlaps(bucket) } }
    next = buckets.count
    pending.reserveCapacity(buckets.count)
  }

  private func gradients(_ range: Range<Int>) -> Tensor {
    store.gradients.elements(range, as: Shape(range.count))
  }

  /// Lets the buckets set out whose gradients all stand at `place` of the arena or behind it.
  func complete(from place: Int) {
    guard group.count > 1 else { return }
    while next > 0, isLate[next - 1] || buckets[next - 1].lowerBound >= place {
      next -= 1
      if !isLate[next] { start(next) }
    }
  }

  private func start(_ index: Int) {
    let part = gradients(owned[index])
    switch reduction {
    case .f32: pending.append(group.startReduceScatter(gradients(buckets[index]), into: part))
    case .bf16:
      let rounded = Tensor(uninitialized: Shape(buckets[index].count), .bf16, on: store.gradients.device)
      rounded.convert(from: gradients(buckets[index]))
      pending.append(group.startReduceScatter(rounded, into: part))
    }
  }

  /// Returns when this rank's parts of the gradients are the sums of all ranks'.
  func finish() {
    guard group.count > 1 else { return }
    complete(from: 0)
    for index in buckets.indices.reversed() where isLate[index] { start(index) }
    waitForAll()
    next = buckets.count
  }

  /// Gives every rank the parts of all of them: of the values, or of the gradients.
  func gather(_ arena: Tensor) {
    guard group.count > 1 else { return }
    for (bucket, part) in zip(buckets, owned) {
      pending.append(
        group.startAllGather(
          arena.elements(part, as: Shape(part.count)), into: arena.elements(bucket, as: Shape(bucket.count))))
    }
    waitForAll()
  }

  private func waitForAll() {
    for transfer in pending { transfer.wait() }
    pending.removeAll(keepingCapacity: true)
  }
}
