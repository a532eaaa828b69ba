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
