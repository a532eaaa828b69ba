import ArgumentParser
import Corpus
import Models
import Telemetry

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a model of ours from a Hugging Face or Megatron-LM directory.",
    discussion: """
      Reads config.json (GPT2LMHeadModel, NemotronForCausalLM, LlamaForCausalLM, MegatronBert) or Megatron-LM's \
      args.json, and safetensors, one file or many. Numbers stay in the type that they are stored in; the tokenizer's \
      files come along.

        needletail import gpt2 --output models/gpt2
      """)

  @Argument(help: "The directory.", completion: .directory)
  var source: String

  @Option(help: "The new model's directory, which must not exist or be empty.", completion: .directory)
  var output: String

  @Option(help: "The tokenizer to take along, where the directory holds none.", completion: .file())
  var tokenizer: String?

  func run() throws {
    let directory = try ModelDirectory(source)
    guard directory.isForeign else {
      throw ValidationError("\(source): is a model of ours already, every command takes it as it is")
    }
    var stored = try directory.stored()
    if let tokenizer { try stored.companions.add(TokenizerDirectory(tokenizer).path) }
    let progress = ByteProgress("import")
    try stored.writeAsOurs(to: output, progress: progress.update)
    progress.finish()
    print(
      "\(output): \(Brief.count(stored.config.parameterCount)) parameters, \(stored.config.layers) layers")
  }
}
