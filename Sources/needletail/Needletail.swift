import ArgumentParser

@main
struct Needletail: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "needletail",
    abstract: "Large-model training in Swift: from raw text to a model that writes text.",
    discussion: """
      A first model, from files to text:
        needletail tokenizer train --input book/*.txt --vocabulary 4096 --output tokenizer
        needletail corpus build --input book/*.txt --tokenizer tokenizer --output corpus/book
        needletail train Recipes/demo.yaml --set data.prefix=corpus/book --set data.tokenizer=tokenizer
        needletail generate runs/demo --prompt "Once upon a time"
      """,
    version: "0.1.0",
    subcommands: [
      TokenizerCommand.self, CorpusCommand.self, TrainCommand.self, GenerateCommand.self,
      EvaluateCommand.self, ConfigCommand.self, BenchmarkCommand.self,
    ])
}
