import Checkpoints
import Files
import FoundationEssentials
import Layers
import Tensors
import Topology

/// A model that is on disk, in whatever format: its shape, where its weights lie, and what stands beside them.
package struct StoredModel {
  package typealias Failure = ModelDirectory.Failure

  /// For messages.
  package let path: String
  package let config: Transformer.Config
  package let weights: ParameterReader
  /// The tokenizer, and what else belongs to the model but its weights.
  package var companions: Companions
  /// Of its matrices, where they are quantized.
  var quantization: WeightFormat?

  package init(path: String, config: Transformer.Config, weights: ParameterReader, companions: Companions) {
    self.path = path
    self.config = config
    self.weights = weights
    self.companions = companions
  }

  /// The model in memory, for use, perhaps packed, or, where `isTrained`, for more training.
  package func load(isTrained: Bool = false, packing format: WeightFormat? = nil, on device: Device) throws
    -> Transformer
  {
    let model = Transformer(config, isTrained: isTrained, packing: format, on: device)
    try read(into: model)
    return model
  }

  /// Sets every parameter of `model`, which may be a rank's part of one, from the blocks of the files that it holds.
  /// Throws when one is missing, misshapen or, where the model is whole, unexpected. An encoder with another head than
  /// the pretrained one's keeps the values of those parameters of its head that the files do not have; where it is to
  /// learn a new task, those of its classifier, whatever the files have: other classes, or others of the same number.
  package func read(into model: Transformer, forNewTask isNewTask: Bool = false) throws {
    func isNew(_ name: String) -> Bool { isNewTask && name.hasPrefix("classifier.") }
    let hasOtherHead = config.kind == .encoder && config.classes != model.config.classes
    func isFree(_ name: String) -> Bool {
      hasOtherHead && Self.headPrefixes.contains { name.hasPrefix($0) }
    }
    let known = Set(model.store.parts.map(\.part.name))
    let extra = weights.parameters.keys.filter { !known.contains($0) && !isFree($0) }.min()
    if model.part.isWhole, let extra {
      throw Failure(
        description:
          "\(path): holds \(extra), which a model of this shape does not have: the weights and the "
          + "configuration beside them do not belong together")
    }
    for parameter in model.store.parameters {
      for part in parameter.parts
      where !isNew(part.name) && (weights.parameters[part.name] != nil || !isFree(part.name)) {
        if let packed = parameter.packed {
          try pack(part, into: packed, on: model.device)
        } else {
          try weights.read(
            part.name, part.block, of: part.whole.dimensions,
            into: parameter.tensor(of: part, in: model.store.values))
        }
      }
    }
  }

  /// Some rows at a time: never more than a few MiB stand in memory twice. Scales are those of whole rows, whatever
  /// columns this rank holds: ranks together have the weights of one.
  private func pack(_ part: Parameter.Part, into packed: PackedMatrix, on device: Device) throws {
    let all = part.block.rows, width = part.whole.columns
    let isCut = part.block.columns.count < width
    let columns = isCut && packed.format == .fp8 ? 0..<width : part.block.columns
    let atOnce = max(1, Self.packedBytesAtOnce / (columns.count * DType.f32.size))
    for first in stride(from: all.lowerBound, to: all.upperBound, by: atOnce) {
      let rows = first..<min(first + atOnce, all.upperBound)
      let floats = Tensor(uninitialized: Shape(rows.count, columns.count), on: device)
      try weights.read(
        part.name, Block(rows: rows, columns: columns), of: part.whole.dimensions, into: floats)
      let place = part.rows.lowerBound + first - all.lowerBound
      if columns == part.block.columns {
        packed.setRows(from: place, to: floats)
      } else {
        packed.setRows(
          from: place, to: floats.columns(part.block.columns), scales: floats.quantized(as: .fp8).scales)
      }
    }
  }

  private static let packedBytesAtOnce = 8 << 20

  /// Of an encoder's head, which differs with what it is there for.
  private static let headPrefixes = ["transform.", "output.", "pooler.", "order.", "classifier."]

  /// The narrowest format in which no weight of a matrix is rounded.
  package var weightFormat: WeightFormat {
    if let quantization { return quantization }
    let types = Set(weights.parameters.values.filter { $0.shape.count == 2 }.map(\.type))
    return types == [.bf16] ? .bf16 : .f32
  }

  // MARK: Writing

  /// How a model is written for another program.
  package enum Format: String, CaseIterable, Sendable { case huggingFace = "hf", megatron }

  package struct Options {
    /// Nil: each tensor in the type that it is stored in.
    package var type: StoredType?
    /// Bytes of a file; nil: one file.
    package var shardLimit: Int?
    /// Rows of the token table to write; nil: all.
    package var vocabulary: Int?
    /// Of the tokenizer; each is written where the model does not say its own.
    package var special = SpecialIDs()

    package init() {}
  }

  /// Writes the model as one of ours, one tensor at a time, into a new directory that appears when it is complete.
  ///
  /// - Parameter progress: is given the bytes written, and of how many.
  package func writeAsOurs(to path: String, progress: (Int, Int) -> Void = { _, _ in }) throws {
    let folder = try AtomicFolder(path)
    let layout = weights.layout
    let total = try weights.byteCount(of: layout)
    try weights.write(layout, to: folder.partial) { progress($0, total) }
    try ModelDirectory.write(config, to: folder.partial)
    try companions.write(to: folder.partial, special: companions.special ?? SpecialIDs())
    try companions.writeLabels(of: config.classes, to: folder.partial)
    try folder.commit()
  }

  /// Writes the model as `format` has it, one tensor at a time, into a new directory that appears when it is complete.
  /// Throws when the format has no such model.
  package func write(
    as format: Format, _ options: Options, to path: String, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    var config = config
    config.vocabulary = options.vocabulary ?? config.vocabulary
    let foreign: any ForeignFormat
    switch format {
    case .huggingFace: foreign = try HuggingFace.format(for: config, path: self.path)
    case .megatron:
      foreign = MegatronGPTFormat()
      try foreign.check(config, path: self.path)
    }
    let layout = foreign.layout(config)
    let used = Set(layout.tensors.flatMap(\.pieces).map(\.parameter))
    if let extra = weights.parameters.keys.filter({ !used.contains($0) }).min() {
      throw Failure(description: "\(self.path): holds \(extra), for which \(foreign.name) has no place")
    }
    let total = try weights.byteCount(of: layout, as: options.type)
    let folder = try AtomicFolder(path)
    try weights.write(layout, as: options.type, to: folder.partial, shardLimit: options.shardLimit) {
      progress($0, total)
    }
    let special = companions.special?.completed(with: options.special) ?? options.special
    var keys = foreign.write(config)
    if let foreign = foreign as? any HuggingFaceFormat {
      keys["model_type"] = .string(foreign.modelType)
      keys["architectures"] = .array([.string(foreign.architecture(of: config))])
      keys["torch_dtype"] = .string(try weights.commonType(of: layout, as: options.type))
      keys.merge(special.members(all: true)) { first, _ in first }
      keys.merge(companions.labels(of: config.classes)) { _, named in named }
    }
    try ConfigurationFile.write(keys, to: "\(folder.partial)/\(foreign.configFile)")
    try companions.write(to: folder.partial, special: special)
    try folder.commit()
  }
}

extension ParameterReader {
  /// PyTorch's name of the type that all tensors of `layout` are in, or of f32.
  fileprivate func commonType(of layout: TensorLayout, as type: StoredType?) throws -> String {
    let types = try Set(
      layout.tensors.flatMap(\.pieces).map { piece in try type ?? parameter(piece.parameter).type })
    return switch types.count == 1 ? types.first : nil {
    case .bf16: "bfloat16"
    case .f16: "float16"
    case .f64: "float64"
    default: "float32"
    }
  }
}
