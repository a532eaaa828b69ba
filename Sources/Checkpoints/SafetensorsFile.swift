import Files
import Tensors

/// A safetensors file, mapped: opening reads the header, reading a tensor touches that tensor's pages.
///
/// The header is not trusted: whatever it claims is checked against the file before anything is read.
package final class SafetensorsFile: Sendable {
  package struct Entry: Sendable, Equatable {
    package let type: StoredType
    package let shape: [Int]
    /// Where in the file its elements lie, row-major.
    package let bytes: Range<Int>
  }

  package var path: String { file.path }
  package let tensors: [String: Entry]
  package let metadata: [String: String]
  private let file: MappedFile

  /// Opens `path`. Throws when it cannot be mapped or is not a sound safetensors file.
  package convenience init(_ path: String) throws(CheckpointFailure) {
    let file: MappedFile
    do { file = try MappedFile(path) } catch { throw CheckpointFailure(error) }
    try self.init(file)
  }

  init(_ file: MappedFile) throws(CheckpointFailure) {
    let header = try SafetensorsHeader(file.bytes, path: file.path)
    self.file = file
    metadata = header.metadata
    var tensors: [String: Entry] = [:]
    for entry in header.entries {
      let bytes = header.dataStart + entry.bytes.lowerBound..<header.dataStart + entry.bytes.upperBound
      tensors[entry.name] = Entry(type: entry.type, shape: entry.shape, bytes: bytes)
    }
    self.tensors = tensors
  }

  /// Whether there is a tensor of this name.
  package func contains(_ name: String) -> Bool { tensors[name] != nil }

  /// Where and what tensor `name` is. Throws when there is none.
  package func entry(_ name: String) throws(CheckpointFailure) -> Entry {
    guard let entry = tensors[name] else {
      throw CheckpointFailure(path, "has no tensor \(name.quotedBriefly) among its \(tensors.count)")
    }
    return entry
  }

  /// Lets go of the memory that bytes of the file were read through.
  func release(_ bytes: Range<Int>) { file.release(bytes) }

  /// Calls `body` with the elements of a tensor as they lie in the file, which need not be aligned.
  func withBytes<T>(
    of entry: Entry, _ body: (UnsafeRawBufferPointer) throws(CheckpointFailure) -> T
  ) throws(CheckpointFailure) -> T {
    defer { withExtendedLifetime(file) {} }
    return try body(UnsafeRawBufferPointer(rebasing: file.bytes[entry.bytes]))
  }
}
