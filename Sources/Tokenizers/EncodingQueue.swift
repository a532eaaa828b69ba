import Synchronization

/// Numbers jobs out to threads and gathers what they make.
final class EncodingQueue: Sendable {
  typealias Result = (job: Int, ids: [[Int32]])

  private let taken = Atomic(0)
  private let finished = Mutex<[Result]>([])

  /// The number of a job that nobody has taken; nil when all are.
  func next(of count: Int) -> Int? {
    let number = taken.add(1, ordering: .relaxed).oldValue
    return number < count ? number : nil
  }

  func finish(_ results: [Result]) { finished.withLock { $0 += results } }

  var results: [Result] { finished.withLock { $0 } }
}
