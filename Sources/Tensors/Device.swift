import CKernels

/// A processor as a rank uses it: a team of threads, an instruction set, and the memory of its tensors.
///
/// One rank, one device, one thread that issues operations. Memory is recycled, so a step in steady state allocates
/// nothing.
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
  private var pool: BufferPool
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
    self.pool = BufferPool(isImagined: false)
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
    self.pool = BufferPool(isImagined: true)
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

  // MARK: Memory

  /// Requests for buffers that no waiting one served.
  package var misses: Int { pool.misses }
  /// Requests for buffers: while it stands still, no more memory comes into use.
  package var requests: Int { pool.requests }
  /// Bytes taken from the system for tensors, in use or waiting.
  package var reservedBytes: Int { pool.reservedBytes }
  /// Bytes of buffers that somebody holds.
  package var usedBytes: Int { pool.usedBytes }
  /// Of the buffers that somebody holds, how many there are of each size.
  package var usedBuffers: [Int: Int] { pool.usedBuffers }

  /// Whether a waiting buffer serves smaller requests too: for steps whose sizes change, as those of a server do.
  package var sharesSizes: Bool {
    get { pool.sharesSizes }
    set { pool.sharesSizes = newValue }
  }

  /// The size of the buffer that a request of `bytes` gets.
  package static func capacity(bytes: Int) -> Int { BufferPool.capacity(bytes: bytes) }

  /// A buffer of at least `bytes`, with unspecified contents.
  func buffer(bytes: Int) -> Buffer { pool.buffer(bytes: bytes) }
}
