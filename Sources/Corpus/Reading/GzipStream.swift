import CZlib
import Files

/// A gzip file of one or more members, as `cat a.gz b.gz` and parallel compressors make them.
final class GzipStream: ByteStream {
  private let file: MappedFile
  /// On the heap because zlib keeps a pointer back to it.
  private let zlib: UnsafeMutablePointer<z_stream>
  private var isEnded = false
  private(set) var consumed = 0

  init(_ file: MappedFile) throws(CorpusFailure) {
    self.file = file
    zlib = .allocate(capacity: 1)
    zlib.initialize(to: z_stream())
    // 16 + 15: a gzip wrapper and the largest window.
    let status = inflateInit2_(zlib, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw CorpusFailure(file.path, "cannot start decompression: zlib status \(status)")
    }
  }

  deinit {
    inflateEnd(zlib)
    zlib.deallocate()
  }

  func read(into chunk: inout [UInt8]) throws(CorpusFailure) -> Bool {
    chunk.removeAll(keepingCapacity: true)
    while chunk.count < Self.chunkCount, !isEnded {
      var status = Z_OK
      let room = Self.chunkCount - chunk.count
      chunk.append(addingCapacity: room) { status = inflate(into: &$0) }
      try check(status)
    }
    return !chunk.isEmpty
  }

  /// One call of zlib: takes what it can of the rest of the file and fills what it can of `output`.
  private func inflate(into output: inout OutputSpan<UInt8>) -> Int32 {
    output.withUnsafeMutableBufferPointer { space, initialized in
      let input = UnsafeRawBufferPointer(rebasing: file.bytes[consumed...])
        .prefix(Int(Int32.max)).bindMemory(to: UInt8.self)
      let room = space.count - initialized
      zlib.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      zlib.pointee.avail_in = UInt32(input.count)
      zlib.pointee.next_out = space.baseAddress.map { $0 + initialized }
      zlib.pointee.avail_out = UInt32(room)
      let status = CZlib.inflate(zlib, Z_NO_FLUSH)
      consumed += input.count - Int(zlib.pointee.avail_in)
      initialized += room - Int(zlib.pointee.avail_out)
      return status
    }
  }

  private func check(_ status: Int32) throws(CorpusFailure) {
    switch status {
    case Z_STREAM_END:
      try startNextMember()
    case Z_OK where consumed < file.count || zlib.pointee.avail_out == 0:
      break
    case Z_OK, Z_BUF_ERROR:
      throw CorpusFailure(
        file.path, "truncated: the gzip data ends in the middle, after \(file.count) bytes")
    default:
      let reason = zlib.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
      throw CorpusFailure(file.path, "damaged gzip data near byte \(consumed): \(reason)")
    }
  }

  private func startNextMember() throws(CorpusFailure) {
    let rest = file.bytes[consumed...]
    if rest.starts(with: [0x1F, 0x8B]) {
      inflateReset(zlib)
    } else if rest.allSatisfy({ $0 == 0 }) {
      // Tapes and block devices pad with zeros; gzip itself ignores them.
      consumed = file.count
      isEnded = true
    } else {
      throw CorpusFailure(file.path, "damaged gzip data: bytes that are not gzip follow at byte \(consumed)")
    }
  }
}
