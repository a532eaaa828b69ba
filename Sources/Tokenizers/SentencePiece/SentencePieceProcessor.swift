import CSentencePiece

/// SentencePiece's C++ processor, opened on a model in memory and closed with this object.
///
/// Its encoding does not change it, so threads may share it.
final class SentencePieceProcessor: @unchecked Sendable {
  private let handle: OpaquePointer

  init(_ model: [UInt8], source: String) throws(TokenizerFailure) {
    var error = csp_buffer()
    let handle = model.withUnsafeBufferPointer { csp_open($0.baseAddress, $0.count, &error) }
    guard let handle else {
      throw TokenizerFailure(source, "SentencePiece cannot read the model: \(Self.message(&error))")
    }
    self.handle = handle
  }

  deinit { csp_close(handle) }

  /// Appends the ids of `text[range]`, which must be UTF-8.
  func encode(_ text: Span<UInt8>, _ range: Range<Int>, into ids: inout [Int32]) throws(TokenizerFailure) {
    var found = csp_ids()
    var error = csp_buffer()
    let failed = text.extracting(range).withUnsafeBufferPointer {
      csp_encode(handle, $0.baseAddress, $0.count, &found, &error)
    }
    guard failed == 0 else {
      throw TokenizerFailure("SentencePiece", "cannot encode: \(Self.message(&error))")
    }
    ids.append(contentsOf: UnsafeBufferPointer(start: found.ids, count: found.count))
    csp_free_ids(&found)
  }

  /// The text of `ids`, as SentencePiece decodes it.
  func decode(_ ids: [Int32]) throws(TokenizerFailure) -> [UInt8] {
    var text = csp_buffer()
    var error = csp_buffer()
    let failed = ids.withUnsafeBufferPointer {
      csp_decode(handle, $0.baseAddress, $0.count, &text, &error)
    }
    guard failed == 0 else {
      throw TokenizerFailure("SentencePiece", "cannot decode: \(Self.message(&error))")
    }
    return Self.take(&text)
  }

  /// The bytes of a buffer from the shim, which is freed.
  static func take(_ buffer: inout csp_buffer) -> [UInt8] {
    defer { csp_free(&buffer) }
    return Array(UnsafeBufferPointer(start: buffer.bytes, count: buffer.count))
  }

  static func message(_ error: inout csp_buffer) -> String {
    String(decoding: take(&error), as: UTF8.self).split(separator: "\n").joined(separator: " ")
  }
}
