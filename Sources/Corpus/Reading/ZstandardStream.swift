import CZstd
import Files

/// A Zstandard file of one or more frames.
final class ZstandardStream: ByteStream {
  private let file: MappedFile
  private let context: OpaquePointer
  /// What the last call says is still to come of the frame; 0 between frames.
  private var pending = 0
  private(set) var consumed = 0

  init(_ file: MappedFile) throws(CorpusFailure) {
    self.file = file
    guard let context = ZSTD_createDStream() else {
      throw CorpusFailure(file.path, "cannot start decompression: out of memory")
    }
    self.context = context
  }

  deinit { ZSTD_freeDStream(context) }

  func read(into chunk: inout [UInt8]) throws(CorpusFailure) -> Bool {
    chunk.removeAll(keepingCapacity: true)
    while chunk.count < Self.chunkCount, consumed < file.count || pending > 0 {
      let before = (consumed, chunk.count)
      chunk.append(addingCapacity: Self.chunkCount - chunk.count) { pending = decompress(into: &$0) }
      if ZSTD_isError(pending) != 0 {
        let reason = String(cString: ZSTD_getErrorName(pending))
        throw CorpusFailure(file.path, "damaged Zstandard data near byte \(consumed): \(reason)")
      }
      guard (consumed, chunk.count) != before else {
        throw CorpusFailure(
          file.path, "truncated: the Zstandard data ends in the middle, after \(file.count) bytes")
      }
    }
    return !chunk.isEmpty
  }

  private func decompress(into output: inout OutputSpan<UInt8>) -> Int {
    output.withUnsafeMutableBufferPointer { space, initialized in
      var input = ZSTD_inBuffer(src: file.bytes.baseAddress, size: file.count, pos: consumed)
      var result = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: initialized)
      let status = ZSTD_decompressStream(context, &result, &input)
      consumed = input.pos
      initialized = result.pos
      return status
    }
  }
}
