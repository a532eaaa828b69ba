import Dispatch
import FoundationEssentials

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
    let queue = EncodingQueue()
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      var mine: [(job: Int, ids: [[Int32]])] = []
      while let number = queue.next(of: jobs.count) {
        mine.append((number, run(jobs[number], documents, specials)))
      }
      queue.finish(mine)
    }
    return EncodingJob.assemble(queue.results, jobs, count: documents.count)
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
