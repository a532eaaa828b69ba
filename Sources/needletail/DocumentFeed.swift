import Corpus

/// The documents of input files as a sequence; `check()` throws what ended it early.
final class DocumentFeed: Sequence, IteratorProtocol {
  private var documents: TextDocuments
  private var failure: (any Error)?
  private(set) var count = 0
  private(set) var bytes = 0

  init(_ documents: TextDocuments) { self.documents = documents }

  func next() -> [UInt8]? {
    guard failure == nil else { return nil }
    do {
      guard let document = try documents.next() else { return nil }
      count += 1
      bytes += document.count
      return document
    } catch {
      failure = error
      return nil
    }
  }

  func check() throws {
    if let failure { throw failure }
  }
}
