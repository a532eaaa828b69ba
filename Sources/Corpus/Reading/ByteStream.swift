import Files

/// The content of an input, decompressed when it is compressed, in chunks of about a megabyte.
protocol ByteStream: AnyObject {
  /// Replaces `chunk` by the next bytes, keeping its capacity; false, and empty, at the end.
  func read(into chunk: inout [UInt8]) throws(CorpusFailure) -> Bool

  /// Bytes of the file consumed so far, compressed if the file is.
  var consumed: Int { get }
}

extension ByteStream {
  /// Bytes handed out at a time.
  static var chunkCount: Int { 1 << 20 }
}

/// How an input is compressed, told by its first bytes and not by its name.
enum Compression {
  case none
  case gzip
  case zstandard

  /// Throws on a compression that cannot be read, before its bytes are taken for bad text.
  init(of file: MappedFile) throws(CorpusFailure) {
    func starts(with magic: [UInt8]) -> Bool { file.bytes.prefix(magic.count).elementsEqual(magic) }
    self =
      if starts(with: [0x1F, 0x8B]) { .gzip } else if starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
        .zstandard
      } else { .none }
    let foreign: [(name: String, magic: [UInt8])] = [
      ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]), ("bzip2", [0x42, 0x5A, 0x68]), ("zip", [0x50, 0x4B, 3, 4]),
    ]
    for format in foreign where starts(with: format.magic) {
      throw CorpusFailure(
        file.path, "\(format.name) is not supported; decompress it or use gzip or Zstandard")
    }
  }

  static func open(_ path: String) throws -> any ByteStream {
    let file = try MappedFile(path)
    return switch try Compression(of: file) {
    case .none: PlainStream(file)
    case .gzip: try GzipStream(file)
    case .zstandard: try ZstandardStream(file)
    }
  }
}

/// A file as it is.
final class PlainStream: ByteStream {
  private let file: MappedFile
  private(set) var consumed = 0

  init(_ file: MappedFile) { self.file = file }

  func read(into chunk: inout [UInt8]) -> Bool {
    chunk.removeAll(keepingCapacity: true)
    let next = min(consumed + Self.chunkCount, file.count)
    chunk.append(contentsOf: file.bytes[consumed..<next])
    consumed = next
    return !chunk.isEmpty
  }
}
