import Files
import FoundationEssentials

// A manifest vouches for the shards, so the file carries a checksum of itself: `{"crc32":"…","manifest":` comes
// before the manifest, `}` behind it, and the checksum is that of the bytes between them.
extension Manifest {
  /// Writes the manifest into `directory`.
  func write(to directory: String, as name: String = Self.fileName) throws {
    try ManifestText(self).write(to: "\(directory)/\(name)")
  }

  /// Reads and checks the manifest of the checkpoint in `directory`.
  init(directory: String) throws(CheckpointFailure) {
    let path = "\(directory)/\(Self.fileName)"
    self = try ManifestText(path).manifest(path: path)
    try check(path: path)
  }

  /// Reads what one rank says that it wrote, in the file `path`.
  init(ofRankAt path: String) throws(CheckpointFailure) { self = try ManifestText(path).manifest(path: path) }
}

extension ManifestText {
  private static let prefix = Array("{\"crc32\":\"".utf8)
  private static let middle = Array("\",\"manifest\":\n".utf8)
  private static let suffix = Array("\n}\n".utf8)

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let body = Array(try encoder.encode(self))
    let checksum = body.withUnsafeBytes { Checksum(of: $0) }
    let file = try AtomicFile(path)
    try file.write(Self.prefix + Array(checksum.hexadecimal.utf8) + Self.middle)
    try file.write(body)
    try file.write(Self.suffix)
    try file.commit()
  }

  /// Reads the file `path`, which must be as it was written.
  init(_ path: String) throws(CheckpointFailure) {
    let bytes: [UInt8]
    do { bytes = try MappedFile(path).contents } catch { throw CheckpointFailure(error) }
    let bodyStart = Self.prefix.count + 8 + Self.middle.count
    let bodyEnd = bytes.count - Self.suffix.count
    guard bodyStart < bodyEnd, bytes.starts(with: Self.prefix),
      bytes[..<bodyStart].suffix(Self.middle.count).elementsEqual(Self.middle)
    else {
      throw CheckpointFailure(path, "is not a checkpoint's manifest, or is truncated")
    }
    let body = Array(bytes[bodyStart..<bodyEnd])
    let checksum = body.withUnsafeBytes { Checksum(of: $0).hexadecimal }
    guard bytes[bodyEnd...].elementsEqual(Self.suffix),
      bytes[Self.prefix.count...].prefix(8).elementsEqual(checksum.utf8)
    else {
      throw CheckpointFailure(path, "does not have the checksum it claims: it was damaged or edited")
    }
    self = try Self.decode(Data(body), path: path)
  }

  private static func decode(_ body: Data, path: String) throws(CheckpointFailure) -> ManifestText {
    struct Version: Decodable {
      let format: String
      let version: Int
    }
    do {
      let found = try JSONDecoder().decode(Version.self, from: body)
      guard found.format == format, found.version <= version else {
        throw CheckpointFailure(
          path,
          "has format \(found.format.quotedBriefly) version \(found.version), this Needletail reads "
            + "\(format) up to version \(version)")
      }
      return try JSONDecoder().decode(ManifestText.self, from: body)
    } catch let failure as CheckpointFailure {
      throw failure
    } catch {
      throw CheckpointFailure(path, "cannot be read as a manifest: a field is missing or has another type")
    }
  }
}
