import Checkpoints
import JSON

/// How another program keeps a model: what it calls the numbers of its shape, and its tensors.
protocol ForeignFormat: Sendable {
  typealias Config = Transformer.Config

  /// What messages call it: "GPT2LMHeadModel".
  var name: String { get }
  /// The same of a model of shape `config`, where formats have several kinds.
  func name(of config: Config) -> String
  /// The file that holds the shape.
  var configFile: String { get }
  /// The shape that a file of configuration describes. Throws where a model of it would not be computed as its program
  /// computes it.
  func read(_ config: ForeignConfig) throws -> Config
  /// The configuration of a model of shape `config`.
  func write(_ config: Config) -> [String: JSONValue]
  /// Why there is no such model of shape `config`; nil where there is.
  func misfit(_ config: Config) -> String?
  /// The tensors of a model of shape `config`.
  func layout(_ config: Config) -> TensorLayout
  /// Tensors that the program may write beside those that they are tied to.
  var copies: [TiedCopy] { get }
}

/// A second copy of a tensor, which a file may hold or not.
struct TiedCopy {
  let name: String
  let original: String
  var otherNames: [String] = []
  /// Whether a copy that differs is the output of a model that is not tied after all, as transformers takes it.
  let mayDiffer: Bool
}

extension ForeignFormat {
  func name(of config: Config) -> String { name }

  /// A sentence that says so where `value`, what a model has for `key`, is not the only one that the format knows.
  func unless<T: Equatable>(_ key: String, _ value: T, is expected: T) -> String? {
    value == expected ? nil : "its \(key) is \(value), expected \(expected)"
  }

  /// The same of heads that do not make up the width.
  func misfitOfHeads(_ config: Config) -> String? {
    config.headSize * config.heads == config.width
      ? nil
      : "its head_width is \(config.headSize), expected \(config.width) / \(config.heads), the width by the heads"
  }

  /// Throws, naming the format, unless there is such a model of shape `config`.
  func check(_ config: Config, path: String) throws {
    if let misfit = misfit(config) {
      throw ModelDirectory.Failure(
        description: "\(path): cannot be written as \(name(of: config)): \(misfit)")
    }
  }
}
