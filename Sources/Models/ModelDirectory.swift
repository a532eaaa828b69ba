import Checkpoints
import Files
import FoundationEssentials
import Layers
import Recipes
import Tensors

/// A model on disk: `model.yaml`, its shape, beside `model.safetensors`, its weights; or a directory of Hugging Face
/// or Megatron-LM, as it is. Tokenizer files stand in the same directory.
package struct ModelDirectory {
  package let path: String
  package let config: Transformer.Config
  /// Nil: ours.
  private let format: (any ForeignFormat)?
  private let files: SafetensorsSet
  /// Tensors beside those that matter, known to be copies of some.
  private let copies: Set<String>
  private let companions: Companions

  /// What is wrong with a directory that should hold a model.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private static let configFile = "model.yaml"

  /// Whether `path` looks like one.
  package static func exists(_ path: String) -> Bool {
    [configFile, HuggingFace.configFile, MegatronGPTFormat().configFile].contains {
      FileManager.default.fileExists(atPath: "\(path)/\($0)")
    }
  }

  /// Whether the model is in another program's format.
  package var isForeign: Bool { format != nil }

  /// Opens the model at `path`: reads its shape, and which tensors there are.
  package init(_ path: String) throws {
    self.path = path
    let files = FileManager.default
    let configPath = "\(path)/\(Self.configFile)"
    if files.fileExists(atPath: configPath) {
      format = nil
      config = try Recipe(contentsOf: configPath)
        .resolve(Transformer.Config.self, defaults: Transformer.Config())
      try Self.check(config, path: configPath)
      self.files = try SafetensorsSet(directory: path)
      copies = []
      companions = try Companions(path)
      return
    }
    let keys: ForeignConfig
    if files.fileExists(atPath: "\(path)/\(HuggingFace.configFile)") {
      keys = try Self.keys("\(path)/\(HuggingFace.configFile)")
      format = try HuggingFace.format(of: keys)
    } else if files.fileExists(atPath: "\(path)/\(MegatronGPTFormat().configFile)") {
      keys = try Self.keys("\(path)/\(MegatronGPTFormat().configFile)")
      format = MegatronGPTFormat()
    } else {
      throw Failure(
        description: "\(path): "
          + (PickledWeights(path)?.advice
            ?? "expected a model directory with model.yaml and model.safetensors, a Hugging Face directory with "
            + "config.json, or a run's directory; `needletail train` makes the first and the last"))
    }
    var config = try format?.read(keys) ?? Transformer.Config()
    try Self.check(config, path: keys.path)
    self.files = try SafetensorsSet(directory: path)
    copies = try Self.copies(format?.copies ?? [], in: self.files, of: &config)
    self.config = config
    companions = try Companions(path, config: keys)
  }

  private static func keys(_ path: String) throws -> ForeignConfig {
    ForeignConfig(path, try ConfigurationFile.read(path))
  }

  private static func check(_ config: Transformer.Config, path: String) throws {
    guard config.problems.isEmpty, config.vocabulary > 0 else {
      throw Failure(
        description: "\(path): "
          + (config.problems.first ?? "model.vocabulary must be positive, got \(config.vocabulary)"))
    }
  }

  /// Which of `known` a file of a tied model holds although it need not. Where the output differs from the table, the
  /// model is not tied after all.
  private static func copies(
    _ known: [TiedCopy], in files: SafetensorsSet, of config: inout Transformer.Config
  ) throws -> Set<String> {
    guard config.tiedEmbeddings else { return [] }
    var copies: Set<String> = []
    for copy in known {
      let original = ([copy.original] + copy.otherNames).first { files.tensors[$0] != nil }
      guard let original, files.tensors[copy.name] != nil else { continue }
      if try files.areEqual(copy.name, original) {
        copies.insert(copy.name)
      } else if copy.mayDiffer {
        config.tiedEmbeddings = false
        return copies
      } else {
        throw Failure(
          description:
            "\(files.path): \(copy.name) is not \(original), expected the same numbers: the two are tied")
      }
    }
    return copies
  }

  /// The model with its weights found and held against its shape.
  package func stored() throws -> StoredModel {
    let quantized = try QuantizedTensors(files)
    let source: any TensorSource = quantized ?? files
    try checkSize(source)
    var layout = format?.layout(config) ?? TensorLayout(namesOf: source)
    layout.ignoredNames.formUnion(copies)
    var stored = StoredModel(
      path: path, config: config, weights: try ParameterReader(source, layout), companions: companions)
    stored.quantization = quantized?.format
    return stored
  }

  /// Throws where the shape cannot be that of the weights, before memory is taken for what it says.
  private func checkSize(_ source: any TensorSource) throws {
    let stored = source.tensors.values.reduce(0) { $0 + Double($1.count) }
    let claimed = config.parameterCount
    let isSound =
      isForeign
      // What is missing or misshapen is named, of a shape that is not absurd.
      ? claimed < 4 * stored + 1e6 && config.layers <= source.tensors.count : claimed == stored
    guard isSound else {
      throw Failure(
        description:
          "\(path): holds \(Int(stored)) parameters, \(format?.configFile ?? Self.configFile) describes "
          + "\(claimed < 1e15 ? String(Int(claimed)) : "\(claimed)") in \(config.layers) layers: the two do not "
          + "belong together")
    }
  }

  /// The model with its weights, for use, perhaps packed, or, where `isTrained`, for more training.
  package func load(isTrained: Bool = false, packing format: WeightFormat? = nil, on device: Device) throws
    -> Transformer
  {
    try stored().load(isTrained: isTrained, packing: format, on: device)
  }

  /// Sets every parameter of `model`, or of a rank's part of one, from the model at `path`: a directory, or a
  /// safetensors file with our names. Throws when one is missing, misshapen or unexpected, or when the model there
  /// computes something else with the same weights. For a new task a classifier keeps its first values.
  package static func readWeights(
    at path: String, into model: Transformer, forNewTask isNewTask: Bool = false
  ) throws {
    guard path.hasSuffix(".safetensors") else {
      let directory = try ModelDirectory(path)
      if let difference = directory.config.difference(from: model.config) {
        throw Failure(description: "\(path): \(difference): the same weights would compute something else")
      }
      return try directory.stored().read(into: model, forNewTask: isNewTask)
    }
    let files = SafetensorsSet(try SafetensorsFile(path))
    try StoredModel(
      path: path, config: model.config, weights: ParameterReader(files, TensorLayout(namesOf: files)),
      companions: Companions(nil)
    ).read(into: model, forNewTask: isNewTask)
  }

  // MARK: Writing

  /// Writes `model` as a directory at `path`, the weights first, each file complete or absent.
  package static func write(_ model: Transformer, to path: String) throws {
    try Folder.create(path)
    try SafetensorsWriter.write(
      "\(path)/\(SafetensorsSet.fileName)", model.store.named(in: model.store.values))
    try write(model.config, to: path)
  }

  /// Writes the model that `checkpoint` holds, on however many ranks it was made, one tensor at a time; `rounding`
  /// passes each through the type that it was computed in.
  package static func write(
    _ config: Transformer.Config, from checkpoint: Checkpoint, rounding: ((Tensor) -> Void)?, to path: String
  ) throws {
    try Folder.create(path)
    try checkpoint.writeSafetensors(
      to: "\(path)/\(SafetensorsSet.fileName)", where: { !$0.hasPrefix("optimizer.") }, converting: rounding)
    try write(config, to: path)
  }

  static func write(_ model: Transformer.Config, to path: String) throws {
    let config = try AtomicFile("\(path)/\(configFile)")
    try config.write(Recipe.yaml(of: model))
    try config.commit()
  }
}

extension Transformer.Config {
  /// The first setting in which a model of this shape computes something else than one of `other` although their
  /// weights have the same shapes; nil where there is none.
  func difference(from other: Transformer.Config) -> String? {
    func differs<T: Equatable>(_ key: String, _ path: (Self) -> T) -> String? {
      path(self) == path(other)
        ? nil : "its \(key) is \(path(self)), the recipe says \(path(other))"
    }
    return differs("kind") { $0.kind.rawValue } ?? differs("heads") { $0.heads } ?? differs("key_value_heads")
    { $0.keyValueHeadCount }
      ?? differs("positions") { $0.positions.rawValue } ?? differs("norm") { $0.norm.rawValue }
      ?? differs("norm_epsilon") { $0.normEpsilon } ?? differs("activation") { $0.activation.rawValue }
      ?? (positions == .rotary
        ? differs("rotary_fraction") { $0.rotaryFraction } ?? differs("rotary_base") { $0.rotaryBase } : nil)
  }
}
