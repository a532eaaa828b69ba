import Files
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the ranks that write one checkpoint hear of each other: through small files in the directory that is being
/// written, since a thread that writes beside training may not take part in collectives.
///
/// A rank's last act is to put in place the manifest of what it wrote, or a file that says why it could not.
struct RankParts {
  /// The directory.
  let path: String
  let step: Int
  let rankCount: Int

  static func name(_ rank: Int) -> String { "rank-\(ShardFiles.number(rank))" }

  private static func manifestName(_ rank: Int) -> String { "\(name(rank)).json" }
  private static func failureName(_ rank: Int) -> String { "\(name(rank)).failed" }

  func announce(_ manifest: Manifest, of rank: Int) throws {
    try manifest.write(to: path, as: Self.manifestName(rank))
  }

  func announce(_ failure: any Error, of rank: Int) throws {
    let file = try AtomicFile("\(path)/\(Self.failureName(rank))")
    try file.write("\(failure)")
    try file.commit()
  }

  /// Waits until every rank but the first has said how it went, and takes their manifests, in order, out of the
  /// directory. Throws when some failed, or when for `patience` no file has come or changed its name and ranks are
  /// missing.
  func collect(patience: () -> Duration) throws -> [Manifest] {
    let others = 1..<rankCount
    var seen: Set<String> = []
    var last = ContinuousClock.now
    while true {
      // Listing, rather than asking for a name, makes a network's file system look anew.
      let names = try names()
      let failed = others.filter { names.contains(Self.failureName($0)) }
      let missing = others.filter {
        !names.contains(Self.manifestName($0)) && !names.contains(Self.failureName($0))
      }
      if missing.isEmpty, failed.isEmpty { break }
      if names != seen { (seen, last) = (names, .now) }
      let limit = patience()
      if missing.isEmpty || ContinuousClock.now - last >= limit {
        throw failed.first.map { failure(of: $0, others: failed.count - 1) } ?? absence(of: missing, limit)
      }
      usleep(Self.pollMicroseconds)
    }
    let manifests = try others.map { try manifest(of: $0) }
    for rank in others { try FileManager.default.removeItem(atPath: "\(path)/\(Self.manifestName(rank))") }
    return manifests
  }

  private static let pollMicroseconds: UInt32 = 5000

  private func names() throws(FileFailure) -> Set<String> {
    do { return Set(try FileManager.default.contentsOfDirectory(atPath: path)) } catch {
      throw FileFailure(path, "cannot list this; did somebody remove it?")
    }
  }

  private func manifest(of rank: Int) throws(CheckpointFailure) -> Manifest {
    let manifest = try Manifest(ofRankAt: "\(path)/\(Self.manifestName(rank))")
    guard manifest.step == step, manifest.ranks == rankCount else {
      throw CheckpointFailure(
        path,
        "rank \(rank) wrote step \(manifest.step) as one of \(manifest.ranks) ranks, expected step \(step) and "
          + "\(rankCount) ranks; were all started alike?")
    }
    return manifest
  }

  private func failure(of rank: Int, others: Int) -> CheckpointFailure {
    let file = try? MappedFile("\(path)/\(Self.failureName(rank))")
    let reason = file.map { String(decoding: $0.contents, as: UTF8.self) } ?? "it did not say why"
    let company = others == 0 ? "" : " (nor could \(others) other\(others == 1 ? "" : "s"))"
    return CheckpointFailure(
      path, "rank \(rank) could not write its part of the checkpoint\(company): \(reason)")
  }

  private func absence(of missing: [Int], _ limit: Duration) -> CheckpointFailure {
    let ranks = missing.prefix(8).map(String.init).joined(separator: ", ") + (missing.count > 8 ? ", …" : "")
    return CheckpointFailure(
      path,
      "rank\(missing.count > 1 ? "s" : "") \(ranks) of \(rankCount) did not write a part of the checkpoint, and "
        + "nothing happened here for \(limit); look whether they run and share this directory")
  }
}
