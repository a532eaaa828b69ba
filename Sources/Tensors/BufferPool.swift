import CKernels

/// The memory of a device's tensors: a buffer that nobody holds any more serves the next request of its size.
///
/// Sizes do not share, unless told to: what is reserved is the sum over the sizes of the most that each had, and a step
/// that repeats finds all its buffers.
struct BufferPool {
  private let isImagined: Bool
  /// Smallest size first.
  private var bins: [Bin] = []
  private(set) var misses = 0
  private(set) var requests = 0
  private(set) var reservedBytes = 0

  /// Whether a request takes a waiting buffer of up to twice its size. A new buffer then takes the place of a smaller
  /// one that waits, so that there are as many of about one size as were ever held together, however many sizes come.
  var sharesSizes = false

  init(isImagined: Bool) { self.isImagined = isImagined }

  /// The size of the buffer that a request of `bytes` gets, where sizes do not share.
  static func capacity(bytes: Int) -> Int { max(64, (bytes + 63) & ~63) }

  /// A buffer of at least `bytes`, with unspecified contents.
  mutating func buffer(bytes: Int) -> Buffer {
    let capacity = Self.capacity(bytes: bytes)
    requests += 1
    if let waiting = idle(from: capacity, through: sharesSizes ? 2 * capacity : capacity) { return waiting }
    misses += 1
    if sharesSizes { dropLargest(below: capacity, from: capacity / 2) }
    if keepsTooMuch { dropIdle() }
    guard let memory = isImagined ? nk_reserve(capacity) : nk_allocate(capacity) else {
      preconditionFailure("out of memory: \(capacity) bytes asked for beside \(reservedBytes) reserved")
    }
    reservedBytes += capacity
    let buffer = Buffer(memory: memory, capacity: capacity, isImagined: isImagined)
    let place = firstBin(from: capacity)
    if place == bins.count || bins[place].size != capacity { bins.insert(Bin(size: capacity), at: place) }
    bins[place].buffers.append(buffer)
    return buffer
  }

  /// Bytes of buffers that somebody holds.
  var usedBytes: Int { mutating get { reservedBytes - idleBytes } }

  /// Of the buffers that somebody holds, how many there are of each size.
  var usedBuffers: [Int: Int] {
    mutating get {
      var used: [Int: Int] = [:]
      for index in bins.indices {
        let count = bins[index].buffers.count - bins[index].countIdle()
        if count > 0 { used[bins[index].size] = count }
      }
      return used
    }
  }

  private var idleBytes: Int {
    mutating get { bins.indices.reduce(0) { $0 + bins[$1].size * bins[$1].countIdle() } }
  }

  /// Whether shapes have changed, and what is kept for the old ones piles up.
  private var keepsTooMuch: Bool {
    mutating get { reservedBytes > 256 << 20 && idleBytes > reservedBytes / 2 }
  }

  private mutating func dropIdle() {
    for index in bins.indices.reversed() { drop(index, atMost: .max) }
  }

  /// Where the bins of at least `size` begin.
  private func firstBin(from size: Int) -> Int {
    var low = 0, high = bins.count
    while low < high {
      let middle = (low + high) / 2
      if bins[middle].size < size { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The smallest waiting buffer of a size in first ... last.
  private mutating func idle(from first: Int, through last: Int) -> Buffer? {
    var index = firstBin(from: first)
    while index < bins.count, bins[index].size <= last {
      if let waiting = bins[index].idle() { return waiting }
      index += 1
    }
    return nil
  }

  /// Gives back the largest waiting buffer of a size in first ..< end.
  private mutating func dropLargest(below end: Int, from first: Int) {
    for index in (firstBin(from: first)..<firstBin(from: end)).reversed() where drop(index, atMost: 1) > 0 {
      return
    }
  }

  /// Gives back waiting buffers of a bin and says how many.
  @discardableResult
  private mutating func drop(_ index: Int, atMost limit: Int) -> Int {
    let dropped = bins[index].dropIdle(atMost: limit)
    reservedBytes -= dropped * bins[index].size
    if bins[index].buffers.isEmpty { bins.remove(at: index) }
    return dropped
  }
}

/// Buffers of one size. A buffer is idle when this is its only holder.
private struct Bin {
  let size: Int
  var buffers: [Buffer] = []

  /// The first idle buffer: the one used last, most likely, and still in the cache.
  mutating func idle() -> Buffer? {
    for index in buffers.indices where isKnownUniquelyReferenced(&buffers[index]) {
      return buffers[index]
    }
    return nil
  }

  mutating func countIdle() -> Int {
    var count = 0
    for index in buffers.indices where isKnownUniquelyReferenced(&buffers[index]) { count += 1 }
    return count
  }

  /// Drops idle buffers and says how many they were.
  mutating func dropIdle(atMost limit: Int) -> Int {
    var dropped = 0
    for index in buffers.indices.reversed()
    where dropped < limit && isKnownUniquelyReferenced(&buffers[index]) {
      buffers.remove(at: index)
      dropped += 1
    }
    return dropped
  }
}

/// A piece of memory, held by the tensors that view it and by its device's pool.
final class Buffer {
  let memory: UnsafeMutableRawPointer
  let capacity: Int
  private let isImagined: Bool

  init(memory: UnsafeMutableRawPointer, capacity: Int, isImagined: Bool) {
    self.memory = memory
    self.capacity = capacity
    self.isImagined = isImagined
  }

  deinit { isImagined ? nk_unreserve(memory, capacity) : nk_free(memory) }
}
