import Dispatch
import FoundationEssentials
import Synchronization

extension Tokenizer {
  /// The ids of each document, encoded on `threads` threads (all cores when nil); the order is kept.
  ///
  /// Threads take runs of documents of about 64 KB. A document that is much longer is cut where that
  /// cannot change its ids.
  package func encode(
    documents: [[UInt8]], threads: Int? = nil, specials: SpecialTokenReading = .asText
  ) -> [[Int32]] {
    let jobs = EncodingJob.plan(documents, cuttable: specials == .asText ? self : nil)
    let threads = min(threads ?? ProcessInfo.processInfo.activeProcessorCount, jobs.count)
    guard threads > 1 else { return documents.map { encode($0, specials: specials) } }
    let next = Atomic(0)
    let finished = Mutex<[(job: Int, ids: [[Int32]])]>([])
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      var mine: [(job: Int, ids: [[Int32]])] = []
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < jobs.count else { break }
        mine.append((number, run(jobs[number], documents, specials)))
      }
      finished.withLock { $0 += mine }
    }
    return EncodingJob.assemble(finished.withLock { $0 }, jobs, count: documents.count)
  }

  /// The ids of one text, encoded on several threads where it is long enough.
  package func encode(parallel text: [UInt8], threads: Int? = nil) -> [Int32] {
    encode(documents: [text], threads: threads)[0]
  }

  private func run(
    _ job: EncodingJob, _ documents: [[UInt8]], _ specials: SpecialTokenReading
  ) -> [[Int32]] {
    switch job {
    case .documents(let range):
      return range.map { encode(documents[$0], specials: specials) }
    case .part(let document, let range):
      var ids: [Int32] = []
      ids.reserveCapacity(range.count / 3)
      let text = documents[document]
      encode(text.span.extracting(range), specials: specials, into: &ids)
      return [ids]
    }
  }
}

/// A piece of work for one thread: some documents, or a part of one.
enum EncodingJob: Sendable {
  case documents(Range<Int>)
  case part(of: Int, Range<Int>)

  static let size = 1 << 16

  /// - Parameter cuttable: the tokenizer to ask for cuts; nil where documents must stay whole.
  static func plan(_ documents: [[UInt8]], cuttable: (any Tokenizer)?) -> [EncodingJob] {
    var jobs: [EncodingJob] = []
    var start = 0
    var bytes = 0
    func close(_ end: Int) {
      if end > start { jobs.append(.documents(start..<end)) }
      start = end
      bytes = 0
    }
    for (index, document) in documents.enumerated() {
      if let cuttable, document.count > 4 * size {
        close(index)
        jobs += parts(of: document, index, cuttable)
        start = index + 1
        continue
      }
      bytes += document.count
      if bytes >= size { close(index + 1) }
    }
    close(documents.count)
    return jobs
  }

  private static func parts(of document: [UInt8], _ index: Int, _ tokenizer: any Tokenizer) -> [EncodingJob] {
    var parts: [EncodingJob] = []
    var start = 0
    while document.count - start > 2 * size {
      guard let cut = tokenizer.safeCut(in: document.span, before: start + size), cut > start else { break }
      parts.append(.part(of: index, start..<cut))
      start = cut
    }
    parts.append(.part(of: index, start..<document.count))
    return parts
  }

  static func assemble(
    _ finished: [(job: Int, ids: [[Int32]])], _ jobs: [EncodingJob], count: Int
  ) -> [[Int32]] {
    var result = Array(repeating: [Int32](), count: count)
    for (number, ids) in finished.sorted(by: { $0.job < $1.job }) {
      switch jobs[number] {
      case .documents(let range): result.replaceSubrange(range, with: ids)
      case .part(let document, _): result[document] += ids[0]
      }
    }
    return result
  }
}
