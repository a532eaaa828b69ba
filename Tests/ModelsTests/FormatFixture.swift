import Checkpoints
import Foundation
import Layers
import Models
import TestSupport
import Tensors
import Testing

/// A model that transformers made, as it saved it, and what it computed (Fixtures/make_formats.py).
struct FormatFixture: Sendable, CustomTestStringConvertible {
  let name: String

  static let all = [
    "gpt2", "gpt2_untied", "nemotron", "llama", "llama_shards", "megatron_bert", "megatron_bert_masked",
  ].map(FormatFixture.init)
  /// Those that Megatron-LM's GPT has, too.
  static let decoders = all.filter { !$0.name.hasSuffix("bert") && !$0.name.hasSuffix("masked") }

  init(name: String) { self.name = name }

  var testDescription: String { name }

  var path: String {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return (folder + ["Fixtures", "formats", Substring(name)]).joined(separator: "/")
  }

  var stored: StoredModel { get throws { try ModelDirectory(path).stored() } }

  private var expected: SafetensorsFile { get throws { try SafetensorsFile("\(path)/expected.safetensors") } }

  func floats(_ name: String) throws -> [Float] {
    let file = try expected
    let tensor = Tensor(zeros: Shape(try file.entry(name).shape), on: Device(threads: 1))
    try file.read(name, into: tensor)
    return tensor.floats
  }

  /// The input of transformers.
  func microbatch(on device: Device) throws -> Microbatch {
    let file = try expected
    func tensor(_ name: String) throws -> Tensor {
      let values = try file.integers(name).map(Int32.init)
      return Tensor(values, Shape(values.count), on: device)
    }
    let ids = try tensor("ids"), isEncoder = file.contains("segments")
    return Microbatch(
      ids: ids, positions: Tensor((0..<ids.count).map { Int32($0 % 12) }, ids.shape, on: device),
      segments: isEncoder ? try tensor("segments") : nil, sequences: 2, length: 12,
      visible: isEncoder ? try tensor("visible") : nil)
  }

  /// The largest difference of `logits` from those of transformers, padding's left out, over the largest of these.
  func error(of logits: [Float]) throws -> Float {
    let file = try expected, truth = try floats("logits")
    let seen = file.contains("visible") ? try file.integers("visible") : [12, 12]
    let width = truth.count / 24
    let kept = (0..<truth.count).filter { $0 / width % 12 < seen[$0 / width / 12] }
    return logits.count == truth.count
      ? relativeError(kept.map { logits[$0] }, kept.map { truth[$0] }, floor: .leastNormalMagnitude)
      : .infinity
  }

  /// What a model computes of the fixture's input, held against transformers.
  func error(of model: Transformer) throws -> Float {
    try error(of: model.logits(microbatch(on: model.device)).floats)
  }
}

/// A directory for one test, gone with it.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "formats-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func names(in name: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: file(name)).sorted()
  }

  /// A copy of `fixture` whose `config.json` has `changes`; nil removes a key.
  func copy(_ fixture: FormatFixture, _ changes: [String: Any?] = [:], to name: String = "copy") throws
    -> String
  {
    try? FileManager.default.removeItem(atPath: file(name))
    try FileManager.default.copyItem(atPath: fixture.path, toPath: file(name))
    var config = try json("\(name)/config.json")
    for (key, value) in changes { config[key] = value }
    try write(json: config, to: "\(name)/config.json")
    return file(name)
  }

  func json(_ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: file(name)))
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
  }

  func write(json: [String: Any], to name: String) throws {
    try JSONSerialization.data(withJSONObject: json).write(to: URL(filePath: file(name)))
  }
}

/// The tensors of a safetensors file or set, byte for byte.
struct TensorBytes: Equatable {
  let form: TensorForm
  let bytes: [UInt8]

  static func of(_ source: some TensorSource) throws -> [String: TensorBytes] {
    var all: [String: TensorBytes] = [:]
    for (name, form) in source.tensors {
      var bytes = [UInt8](repeating: 0, count: form.byteCount)
      try bytes.withUnsafeMutableBytes { try source.read(name, 0..<form.count, into: $0) }
      all[name] = TensorBytes(form: form, bytes: bytes)
    }
    return all
  }

  static func of(directory: String) throws -> [String: TensorBytes] {
    try of(SafetensorsSet(directory: directory))
  }

  /// Writes `tensors` as one file.
  static func write(_ tensors: [String: TensorBytes], to path: String) throws {
    let entries = tensors.sorted { $0.key < $1.key }.map {
      SafetensorsWriter.Entry($0.key, $0.value.form.type, shape: $0.value.form.shape)
    }
    let file = try SafetensorsWriter(path, entries)
    for entry in file.entries { try tensors[entry.name]?.bytes.withUnsafeBytes { try file.append($0) } }
    try file.commit()
  }

  var floats: [Float] {
    get throws {
      bytes.withUnsafeBytes { raw in
        (0..<form.count).map { index in
          switch form.type {
          case .f32: raw.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
          case .bf16:
            Float(bitPattern: UInt32(raw.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)) << 16)
          default: .nan
          }
        }
      }
    }
  }
}
