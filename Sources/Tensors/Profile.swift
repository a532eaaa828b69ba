/// Where the time of training steps goes: a row for each kind of operation, filled by the device that runs them.
///
/// A device without a profile pays one comparison for each operation; one with it, two readings of the clock.
/// Only a kind of operation that was not seen before may allocate.
package final class Profile: OperationObserver {
  /// What makes two calls the same row.
  package struct Operation: Hashable, Sendable {
    package let name: String
    package var product: Product?
    package var scores: Scores?

    package init(_ name: String, _ product: Product? = nil, _ scores: Scores? = nil) {
      self.name = name
      self.product = product
      self.scores = scores
    }
  }

  /// The sizes of c[m, n] = Σ op(a)[m, k] · op(b)[k, n].
  package struct Product: Hashable, Sendable {
    package let m: Int
    package let n: Int
    package let k: Int
    package let transposition: Transposition

    package init(m: Int, n: Int, k: Int, transposition: Transposition) {
      self.m = m
      self.n = n
      self.k = k
      self.transposition = transposition
    }
  }

  /// The sizes of an attention: `count` matrices of queries × keys.
  package struct Scores: Hashable, Sendable {
    /// Sequences × heads.
    package let count: Int
    package let queries: Int
    package let keys: Int
    package let headWidth: Int
    package let isDropping: Bool
  }

  package struct Row: Sendable {
    package let operation: Operation
    package fileprivate(set) var calls = 0
    package fileprivate(set) var duration = Duration.zero
    /// Floating-point operations of its matrix products, a multiply-add as two; what a causal mask hides is
    /// not counted.
    package fileprivate(set) var flops = 0
    /// The least that must move: every operand read once, every result written once.
    package fileprivate(set) var bytes = 0

    package init(
      _ operation: Operation, calls: Int = 0, duration: Duration = .zero, flops: Int = 0, bytes: Int = 0
    ) {
      self.operation = operation
      self.calls = calls
      self.duration = duration
      self.flops = flops
      self.bytes = bytes
    }
  }

  package private(set) var rows: [Row] = []
  package private(set) var steps = 0
  /// Of all steps measured.
  package private(set) var duration = Duration.zero
  private var places: [Operation: Int] = [:]

  package init() {
    // A step has some thirty kinds of operations.
    rows.reserveCapacity(64)
    places.reserveCapacity(64)
  }

  /// Runs `body` as one step: the operations that `device` runs meanwhile are the step's.
  package func measureStep<T>(on device: Device, _ body: () throws -> T) rethrows -> T {
    device.observer = self
    let start = ContinuousClock.now
    defer {
      duration += ContinuousClock.now - start
      steps += 1
      device.observer = nil
    }
    return try body()
  }

  package func run(_ operation: Operation, flops: Int, bytes: Int, _ kernel: () -> Void) {
    let start = ContinuousClock.now
    kernel()
    let duration = ContinuousClock.now - start
    let place: Int
    if let known = places[operation] {
      place = known
    } else {
      place = rows.count
      places[operation] = place
      rows.append(Row(operation))
    }
    rows[place].calls += 1
    rows[place].duration += duration
    rows[place].flops += flops
    rows[place].bytes += bytes
  }
}

/// Who is told of every operation of a device, and runs its kernel or does not.
package protocol OperationObserver: AnyObject {
  /// - Parameters:
  ///   - flops: of its matrix products; other arithmetic hides behind the memory it reads.
  ///   - bytes: the least that must move.
  func run(_ operation: Profile.Operation, flops: Int, bytes: Int, _ kernel: () -> Void)
}

extension Device {
  /// Runs a kernel, or has the observer run it where there is one.
  @inline(__always)
  func run(
    _ name: String, _ product: Profile.Product? = nil, _ scores: @autoclosure () -> Profile.Scores? = nil,
    flops: @autoclosure () -> Int = 0, bytes: @autoclosure () -> Int, _ kernel: (OpaquePointer) -> Void
  ) {
    guard let observer else { return kernel(kernels) }
    observer.run(Profile.Operation(name, product, scores()), flops: flops(), bytes: bytes()) {
      kernel(kernels)
    }
  }
}
