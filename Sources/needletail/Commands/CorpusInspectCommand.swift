import ArgumentParser
import Corpus
import Telemetry

extension CorpusCommand {
  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "inspect",
      abstract: "Say what a dataset holds, by its index; with --verify, read all of it.",
      discussion: """
        needletail corpus inspect corpus/book
        """)

    @Argument(help: "The dataset, without .bin and .idx.")
    var prefix: String

    @Flag(help: "Check every entry of the index, and every token where the vocabulary's size is known.")
    var verify = false

    func run() throws {
      let dataset = try IndexedDataset(prefix: prefix)
      let description = try CorpusDescription.read(prefix: prefix)
      if verify { try dataset.verify(vocabularySize: description?.tokenizer.vocabularySize) }
      var table = Table(rows: [
        ["documents", Brief.count(dataset.documentCount)],
        dataset.level(description) == .sentence
          ? ["sequences", "sentences, \(Brief.count(dataset.sequenceCount))"] : ["sequences", "documents"],
        ["tokens", "\(Brief.count(dataset.tokenCount)), \(dataset.tokenType)"],
        ["data", Bytes(dataset.tokenCount * dataset.tokenType.byteCount).description],
      ])
      if let description {
        table.append("text", Bytes(description.textBytes).description)
        table.append(
          "tokenizer", "\(description.tokenizer.name), \(description.tokenizer.vocabularySize) tokens")
      }
      print(table)
    }
  }
}
