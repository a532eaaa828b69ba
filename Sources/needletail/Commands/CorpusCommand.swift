import ArgumentParser
import Corpus
import Files
import Telemetry
import Tokenizers

struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus", abstract: "Make datasets of tokens from text, and look at them.",
    subcommands: [Build.self, Inspect.self])

  /// How input files are read; shared with the tokenizer's training.
  struct InputFlags: ParsableArguments {
    @Option(
      parsing: .upToNextOption,
      help: "Text, JSONL, HTML; .gz and .zst are unpacked (told by content).", completion: .file())
    var input: [String]

    @Option(
      help:
        "How files are cut into documents: text (one a file), lines, paragraphs, jsonl, html. By default told by the name."
    )
    var format: String?

    @Option(help: "The key of the text in JSONL.")
    var textKey = "text"

    @Flag(help: "Replace bytes that are not UTF-8 by U+FFFD instead of stopping.")
    var replaceInvalid = false

    func options() throws -> InputOptions {
      let format = try format.map { name in
        guard let format = InputFormat(rawValue: name) else {
          let known = InputFormat.allCases.map(\.rawValue).joined(separator: ", ")
          throw ValidationError("--format must be one of \(known), got \(name)")
        }
        return format
      }
      return InputOptions(format: format, textKey: textKey, replacesInvalidText: replaceInvalid)
    }
  }

  struct Build: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "build",
      abstract: "Encode text into a Megatron dataset, PREFIX.bin and PREFIX.idx.",
      discussion: """
        needletail corpus build --input book/*.txt web.jsonl.zst --tokenizer tokenizer --output corpus/book
        """)

    @OptionGroup var inputs: InputFlags

    @Option(help: "The tokenizer's file or directory.", completion: .file())
    var tokenizer: String

    @Option(help: "Where the dataset goes, without .bin and .idx.")
    var output: String

    @Flag(help: "Do not end documents with the tokenizer's end-of-text token.")
    var noEnd = false

    @Flag(help: "Make a sequence of each sentence, as BERT needs it; sentences have no end-of-text token.")
    var splitSentences = false

    func run() async throws {
      let directory = try TokenizerDirectory(tokenizer)
      let encoder = directory.tokenizer
      let builder = try CorpusBuilder(
        tokenizer: directory.identity, level: splitSentences ? .sentence : .document,
        appendsEndOfText: !noEnd && encoder.endOfText != nil, options: inputs.options(),
        encode: { encoder.encode($0) })
      try Folder.createParent(of: output)
      let progress = ProgressLine("encode", total: nil, unit: "byte")
      let summary = try await builder.build(inputs.input, prefix: output) { state in
        progress.update(
          state.bytes,
          [
            .init("\(Brief.percent(Double(state.bytes) / Double(max(1, state.totalBytes))))"),
            .init("\(Brief.count(state.documents)) documents"), .init("\(Brief.count(state.tokens)) tokens"),
          ])
      }
      progress.finish()
      let seconds = max(summary.duration.seconds, 1e-9)
      print(
        Table(rows: [
          ["documents", Brief.count(summary.documents)],
          ["sequences", splitSentences ? "sentences, \(Brief.count(summary.sequences))" : "documents"],
          ["tokens", Brief.count(summary.tokens)],
          [
            "text",
            "\(Bytes(summary.textBytes)), \(Brief.fixed(1 / summary.tokensPerByte, 2)) bytes per token",
          ],
          [
            "time",
            "\(Brief.duration(summary.duration)), \(Brief.fixed(Double(summary.textBytes) / seconds / 1e6, 1)) MB/s",
          ],
          ["dataset", "\(output).bin, \(output).idx"],
        ]))
    }
  }
}
