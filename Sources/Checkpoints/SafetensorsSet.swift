import Files
import FoundationEssentials

/// The safetensors of a directory as one: `model.safetensors`, or the shards that `model.safetensors.index.json`
/// names, as Hugging Face keeps large models.
package struct SafetensorsSet: TensorSource {
  package let path: String
  package let tensors: [String: TensorForm]
  private let files: [String: SafetensorsFile]
  /// Of each tensor.
  private let fileNames: [String: String]

  package static let fileName = "model.safetensors"
  package static let indexName = "model.safetensors.index.json"

  /// One file.
  package init(_ file: SafetensorsFile) {
    self.init(file.path, [file.path: file], file.tensors.mapValues { _ in file.path })
  }

  /// The file or the shards of the directory `path`. Throws when there are none, one is missing or damaged, or the
  /// index does not say what the shards hold.
  package init(directory path: String) throws(CheckpointFailure) {
    let files = FileManager.default
    if files.fileExists(atPath: "\(path)/\(Self.fileName)") {
      let file = try SafetensorsFile("\(path)/\(Self.fileName)")
      self.init(path, [Self.fileName: file], file.tensors.mapValues { _ in Self.fileName })
    } else if files.fileExists(atPath: "\(path)/\(Self.indexName)") {
      try self.init(path, index: Self.readIndex("\(path)/\(Self.indexName)"))
    } else {
      throw CheckpointFailure(
        path, PickledWeights(path)?.advice ?? "holds neither \(Self.fileName) nor \(Self.indexName)")
    }
  }

  private init(_ path: String, _ files: [String: SafetensorsFile], _ fileNames: [String: String]) {
    self.path = path
    self.files = files
    self.fileNames = fileNames
    tensors = Dictionary(
      files.values.flatMap { $0.tensors.map { ($0.key, TensorForm($0.value.type, $0.value.shape)) } }
    ) { first, _ in first }
  }

  private init(_ path: String, index: [String: String]) throws(CheckpointFailure) {
    let indexPath = "\(path)/\(Self.indexName)"
    var files: [String: SafetensorsFile] = [:]
    for name in Set(index.values).sorted() {
      guard Manifest.isPlain(name), name.hasSuffix(".safetensors") else {
        throw CheckpointFailure(
          indexPath, "names the shard \(name.quotedBriefly), expected a *.safetensors file beside it")
      }
      guard FileManager.default.fileExists(atPath: "\(path)/\(name)") else {
        throw CheckpointFailure(
          indexPath, "names the shard \(name.quotedBriefly), which is not there; copy it beside the others")
      }
      let file = try SafetensorsFile("\(path)/\(name)")
      if let stray = file.tensors.keys.filter({ index[$0] != name }).min() {
        throw CheckpointFailure(
          indexPath,
          "says that tensor \(stray.quotedBriefly) is in \(index[stray]?.quotedBriefly ?? "no shard"), found it in "
            + "\(name); the files do not belong together")
      }
      files[name] = file
    }
    if let (tensor, name) = index.sorted(by: { $0.key < $1.key }).first(where: {
      files[$0.value]?.contains($0.key) != true
    }) {
      throw CheckpointFailure(
        indexPath,
        "says that tensor \(tensor.quotedBriefly) is in \(name), which has it not among its "
          + "\(files[name]?.tensors.count ?? 0); the files do not belong together")
    }
    self.init(path, files, index)
  }

  /// What `model.safetensors.index.json` says that matters.
  private struct Index: Decodable {
    let weights: [String: String]
    enum CodingKeys: String, CodingKey { case weights = "weight_map" }
  }

  private static func readIndex(_ path: String) throws(CheckpointFailure) -> [String: String] {
    let bytes: [UInt8]
    do { bytes = try MappedFile(path).contents } catch { throw CheckpointFailure(error) }
    guard let index = try? JSONDecoder().decode(Index.self, from: Data(bytes)), !index.weights.isEmpty else {
      throw CheckpointFailure(
        path, #"is no index, expected {"weight_map": {"tensor": "shard.safetensors", …}}; copy it again"#)
    }
    return index.weights
  }

  package func read(
    _ name: String, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointFailure) {
    guard let fileName = fileNames[name], let file = files[fileName] else {
      throw CheckpointFailure(path, "has no tensor \(name.quotedBriefly) among its \(tensors.count)")
    }
    try file.read(name, range, into: target)
  }

  /// Whether two tensors are of one type and shape and hold the same numbers.
  package func areEqual(_ name: String, _ other: String) throws -> Bool {
    guard let form = tensors[name], form == tensors[other] else { return false }
    let countAtOnce = (1 << 20) / form.type.size
    for start in stride(from: 0, to: form.count, by: countAtOnce) {
      let range = start..<min(start + countAtOnce, form.count)
      let sides = try [name, other].map { name in
        var bytes = [UInt8](repeating: 0, count: range.count * form.type.size)
        try bytes.withUnsafeMutableBytes { try read(name, range, into: $0) }
        return bytes
      }
      if sides[0] != sides[1] { return false }
    }
    release(name)
    release(other)
    return true
  }

  package func release(_ name: String) { fileNames[name].flatMap { files[$0] }?.release(name) }
}

extension SafetensorsFile {
  /// Bytes behind which pages are let go: enough that they are not asked for again and again.
  private static let releasedAtOnce = 1 << 20

  fileprivate func read(
    _ name: String, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointFailure) {
    let entry = try entry(name)
    let size = entry.type.size
    let bytes = range.lowerBound * size..<range.upperBound * size
    guard 0 <= range.lowerBound, bytes.upperBound <= entry.bytes.count else {
      throw CheckpointFailure(path, "tensor \(name.quotedBriefly) has not the elements \(range)")
    }
    try withBytes(of: entry) { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[bytes])) }
    if bytes.count >= Self.releasedAtOnce {
      let first = entry.bytes.lowerBound
      release(first + bytes.lowerBound..<first + bytes.upperBound)
    }
  }

  /// Lets go of the memory that the elements of tensor `name` were read through.
  func release(_ name: String) { if let entry = tensors[name] { release(entry.bytes) } }
}
