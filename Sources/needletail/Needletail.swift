import ArgumentParser

@main
struct Needletail: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "needletail",
    abstract: "Large-model training in Swift: from raw text to a model that writes text.",
    discussion: """
      A first model, from files to text:
        needletail tokenizer train --input *.txt --vocabulary 4096 --output tok
        needletail corpus build --input *.txt --tokenizer tok --output corpus
        needletail train Recipes/demo.yaml --set data.prefix=corpus
        needletail generate demo-run/model --prompt "Once upon a time"
      """,
    version: "0.1.0",
    subcommands: [
      TokenizerCommand.self, CorpusCommand.self, TrainCommand.self, FinetuneCommand.self,
      GenerateCommand.self, ServeCommand.self, QuantizeCommand.self,
      EvaluateCommand.self, ImportCommand.self, ExportCommand.self, CheckpointCommand.self,
      ConfigCommand.self, BenchmarkCommand.self, ScheduleCommand.self, PlanCommand.self,
    ])
}
