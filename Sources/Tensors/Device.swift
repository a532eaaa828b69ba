import CKernels

/// A processor as a rank uses it: a team of threads, an instruction set, and the memory of its tensors.
///
/// One rank, one device, one thread that issues operations. Memory is recycled: a buffer that nobody holds
/// any more serves the next request of its size, so a training step in steady state allocates nothing.
package final class Device {
  /// Instruction sets of the CPU kernels; `best` is what the processor has.
  package enum InstructionSet: UInt32, CaseIterable, Sendable {
    case best = 0, baseline, avx2, avx512, avx512bf16

    package var isAvailable: Bool { nk_isa_available(nk_isa(rawValue)) }
  }

  /// More than any machine of today has use for; what recipes and commands accept.
  package static let threadCounts = 1...1024

  package let threads: Int
  let kernels: OpaquePointer
  private var bins: [Int: Bin] = [:]
  /// Requests that found no recycled buffer.
  package private(set) var misses = 0
  /// Requests for buffers: while it stands still, no more memory comes into use.
  package private(set) var requests = 0
  /// Bytes taken from the system for tensors, in use or waiting.
  package private(set) var reservedBytes = 0
  /// Who runs the kernels in this device's place, while a step is measured or where nothing is computed.
  var observer: (any OperationObserver)?
  /// Whether it has addresses only, and computes nothing.
  package let isImagined: Bool

  /// Starts `threads` − 1 worker threads. Traps when the processor lacks `instructionSet`: ask
  /// `isAvailable` first.
  package init(threads: Int, instructionSet: InstructionSet = .best) {
    guard let pool = nk_pool_create(Int32(threads), nk_isa(instructionSet.rawValue)) else {
      preconditionFailure("cannot start \(threads) threads with \(instructionSet) kernels on this machine")
    }
    self.threads = threads
    kernels = pool
    isImagined = false
  }

  /// A device of addresses without memory, which computes nothing: code that runs on it tells `observer` what it would
  /// have computed, and what memory it would have taken. Elements are zero, or what the host wrote.
  package init(imaginedFor observer: any OperationObserver) {
    guard let pool = nk_pool_create(1, nk_isa(InstructionSet.best.rawValue)) else {
      preconditionFailure("a pool of one thread starts none")
    }
    threads = 1
    kernels = pool
    isImagined = true
    self.observer = observer
  }

  deinit { nk_pool_destroy(kernels) }

  package var instructionSet: InstructionSet {
    InstructionSet(rawValue: nk_pool_isa(kernels).rawValue) ?? .baseline
  }

  /// The multiply-add rate of all threads on registers, in FLOP/s: the ceiling of every kernel.
  package func measurePeak(seconds: Double = 0.05) -> Double { nk_measure_fma_peak(kernels, seconds) * 1e9 }

  /// The rate at which all threads together read memory far larger than the caches, in bytes/s: the ceiling
  /// of what does no arithmetic to speak of. Takes 512 MiB for the time it runs.
  package func measureBandwidth(seconds: Double = 0.5) -> Double {
    nk_measure_read_bandwidth(kernels, 512 << 20, seconds) * 1e9
  }

  /// The processors that this process may run on.
  package static var processorCount: Int { Int(nk_processor_count()) }

  /// The largest resident size the process has had.
  package static var peakResidentBytes: Int { nk_peak_resident_bytes() }

  /// Bytes of buffers that somebody holds.
  package var usedBytes: Int { reservedBytes - idleBytes }

  /// The size of the buffer that a request of `bytes` gets.
  package static func capacity(bytes: Int) -> Int { max(64, (bytes + 63) & ~63) }

  /// A buffer of at least `bytes`, with unspecified contents.
  func buffer(bytes: Int) -> Buffer {
    let capacity = Self.capacity(bytes: bytes)
    requests += 1
    if let recycled = bins[capacity, default: Bin()].idle() { return recycled }
    misses += 1
    if keepsTooMuch { dropIdle() }
    guard let memory = isImagined ? nk_reserve(capacity) : nk_allocate(capacity) else {
      preconditionFailure("out of memory: \(capacity) bytes asked for beside \(reservedBytes) reserved")
    }
    reservedBytes += capacity
    let buffer = Buffer(memory: memory, capacity: capacity, isImagined: isImagined)
    bins[capacity, default: Bin()].buffers.append(buffer)
    return buffer
  }

  /// Of the buffers that somebody holds, how many there are of each size. Sizes do not share: what the pool reserves is
  /// the sum over them of the most that each had.
  package var usedBuffers: [Int: Int] {
    var used: [Int: Int] = [:]
    for capacity in Array(bins.keys) {
      let count = bins[capacity, default: Bin()].countUsed()
      if count > 0 { used[capacity] = count }
    }
    return used
  }

  /// Bytes that may wait when sizes change from step to step, as those of a server do; nil: half of what is reserved,
  /// from 256 MiB on.
  package var idleLimit: Int?

  private var keepsTooMuch: Bool {
    if let idleLimit { return idleBytes > idleLimit }
    return reservedBytes > 256 << 20 && idleBytes > reservedBytes / 2
  }

  private var idleBytes: Int {
    Array(bins.keys).reduce(0) { sum, capacity in sum + capacity * bins[capacity, default: Bin()].countIdle()
    }
  }

  /// Gives back what waits: shapes have changed, and what was kept for the old ones would pile up.
  private func dropIdle() {
    for capacity in Array(bins.keys) {
      reservedBytes -= capacity * bins[capacity, default: Bin()].dropIdle()
    }
  }
}

/// Buffers of one size. A buffer is idle when this is its only holder.
private struct Bin {
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

  mutating func countUsed() -> Int { buffers.count - countIdle() }

  /// Drops the idle buffers and says how many they were.
  mutating func dropIdle() -> Int {
    var dropped = 0
    for index in buffers.indices.reversed() where isKnownUniquelyReferenced(&buffers[index]) {
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
