/// Where the time of training steps goes: a row for each kind of operation, filled by the device that runs them.
///
/// A device without a profile pays one comparison for each operation; one with it, two readings of the clock.
/// Only a kind of operation that was not seen before may allocate.
package final class Profile {
  /// What makes two calls the same row.
  package struct Operation: Hashable, Sendable {
    package let name: String
    package let product: Product?
  }

  /// The sizes of c[m, n] = Σ op(a)[m, k] · op(b)[k, n].
  package struct Product: Hashable, Sendable {
    package let m: Int
    package let n: Int
    package let k: Int
    package let transposition: Transposition
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
    device.profile = self
    let start = ContinuousClock.now
    defer {
      duration += ContinuousClock.now - start
      steps += 1
      device.profile = nil
    }
    return try body()
  }

  func record(_ operation: Operation, _ duration: Duration, flops: Int, bytes: Int) {
    let place: Int
    if let known = places[operation] {
      place = known
    } else {
      place = rows.count
      places[operation] = place
      rows.append(Row(operation: operation))
    }
    rows[place].calls += 1
    rows[place].duration += duration
    rows[place].flops += flops
    rows[place].bytes += bytes
  }
}

extension Device {
  /// Runs a kernel, and writes it into the profile where there is one.
  ///
  /// - Parameters:
  ///   - flops: of its matrix products; other arithmetic hides behind the memory it reads.
  ///   - bytes: the least that must move.
  @inline(__always)
  func run<T>(
    _ name: String, _ product: Profile.Product? = nil, flops: @autoclosure () -> Int = 0,
    bytes: @autoclosure () -> Int, _ kernel: (OpaquePointer) -> T
  ) -> T {
    guard let profile else { return kernel(kernels) }
    let start = ContinuousClock.now
    let result = kernel(kernels)
    profile.record(
      Profile.Operation(name: name, product: product), ContinuousClock.now - start, flops: flops(),
      bytes: bytes())
    return result
  }
}
