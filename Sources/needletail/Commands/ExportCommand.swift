import ArgumentParser
import Checkpoints
import Corpus
import FoundationEssentials
import Models
import Telemetry
import Training

extension StoredModel.Format: ExpressibleByArgument {}

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model as Hugging Face's transformers or Megatron-LM has it.",
    discussion: """
      hf: config.json and safetensors that transformers loads (GPT2LMHeadModel, NemotronForCausalLM, LlamaForCausalLM, \
      MegatronBert). megatron: args.json and safetensors with the names of Megatron-LM's core, gathered from all ranks. \
      The tokenizer's files come along.

        needletail export runs/demo --format hf --output demo-hf --dtype bf16
      """)

  enum Number: String, ExpressibleByArgument, CaseIterable {
    case f32, bf16, f16

    var stored: StoredType {
      switch self {
      case .f32: .f32
      case .bf16: .bf16
      case .f16: .f16
      }
    }
  }

  @Argument(
    help: "A model's directory of any format, or a run's (its finished model, else its newest checkpoint).",
    completion: .directory)
  var model: String

  @Option(help: "Whose format.")
  var format: StoredModel.Format

  @Option(help: "The new directory, which must not exist or be empty.", completion: .directory)
  var output: String

  @Option(help: "The type of the numbers; by default each tensor's own.")
  var dtype: Number?

  @Option(help: "The largest file of weights, as 5GB or 500MB; more go into several, with an index.")
  var shardSize = ByteSize(bytes: 5_000_000_000)

  @Flag(help: "Leave out the rows of the token table for which the tokenizer has no token.")
  var trimVocabulary = false

  @Option(help: "The tokenizer to take along, where the model's directory holds none.", completion: .file())
  var tokenizer: String?

  func run() throws {
    let trained = try TrainedModel(model)
    var stored = try trained.stored()
    if let tokenizer { try stored.companions.add(tokenizer) }
    var options = StoredModel.Options()
    options.type = dtype?.stored
    options.shardLimit = shardSize.bytes
    // A model without a tokenizer can be exported, too.
    let place = tokenizer ?? trained.tokenizerPath
    let known =
      tokenizer != nil || trimVocabulary ? try TokenizerDirectory(place) : try? TokenizerDirectory(place)
    if let known = known?.tokenizer {
      options.special = SpecialIDs(beginning: known.beginningOfText, end: known.endOfText)
      if trimVocabulary {
        guard known.vocabularySize <= stored.config.vocabulary else {
          throw ValidationError(
            "the tokenizer \(place) has \(known.vocabularySize) tokens, the model \(model) "
              + "\(stored.config.vocabulary): they do not belong together")
        }
        options.vocabulary = known.vocabularySize
      }
    }
    if let step = trained.step {
      Terminal.standardError.writeLine(
        "\(model): using the checkpoint of step \(step), the run is not finished")
    }
    let progress = ByteProgress("export")
    try stored.write(as: format, options, to: output, progress: progress.update)
    progress.finish()
    print(
      "\(output): \(Brief.count(stored.config.parameterCount)) parameters, as \(format.rawValue) has them"
    )
  }
}

/// A number of bytes as people write it: 5GB, 500MB, 64KiB.
struct ByteSize: ExpressibleByArgument, CustomStringConvertible {
  let bytes: Int

  private static let units = [
    "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000, "KIB": 1 << 10,
    "MIB": 1 << 20,
    "GIB": 1 << 30, "TIB": 1 << 40, "B": 1, "": 1,
  ]

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let unit = Self.units[argument.dropFirst(digits.count).uppercased()], let value = Double(digits),
      value > 0, let bytes = Int(exactly: (value * Double(unit)).rounded()), bytes > 0
    else { return nil }
    self.bytes = bytes
  }

  var description: String {
    let unit = ["TB", "GB", "MB", "KB"].first { bytes.isMultiple(of: Self.units[$0] ?? 1) } ?? "B"
    return "\(bytes / (Self.units[unit] ?? 1))\(unit)"
  }

  var defaultValueDescription: String { description }
}
