import ArgumentParser
import Corpus
import Evaluation
import Telemetry
import Tokenizers

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a model predicts a text: loss, perplexity, bits per byte.",
    discussion: """
      needletail evaluate runs/demo --text held-out.txt
      needletail evaluate runs/demo --text a.html --text b.jsonl.gz --stride 64 --json
      """)

  @Argument(help: "A model's directory, or a run's (its finished model, else its newest checkpoint).")
  var model: String

  @Option(
    parsing: .upToNextOption,
    help: "The text: files of plain text, JSONL with a text key, or HTML, perhaps compressed (gz, zst).",
    completion: .file())
  var text: [String]

  @Option(help: "Targets scored in each window; below the context every token sees more of what came before.")
  var stride: Int?

  @Option(help: "Windows computed together.")
  var batch = 8

  @Option(help: "The tokenizer, where the model's directory holds none.", completion: .file())
  var tokenizer: String?

  @Option(help: "Worker threads; by default one for each processor.")
  var threads: Int?

  @Flag(help: "Replace bytes that are not UTF-8 by U+FFFD instead of stopping.")
  var replaceInvalid = false

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  func run() throws {
    if let stride, stride < 1 { throw ValidationError("--stride must be at least 1, got \(stride)") }
    guard batch > 0 else { throw ValidationError("--batch must be at least 1, got \(batch)") }
    let loaded = try LoadedModel(model, tokenizer: tokenizer, threads: threads)
    // Documents follow each other as they did in training: each behind the token that ends the one before.
    let end = loaded.tokenizer.endOfText
    var ids: [Int32] = end.map { [$0] } ?? []
    var bytes = 0
    var documents = try TextDocuments(text, options: InputOptions(replacesInvalidText: replaceInvalid))
    while let document = try documents.next() {
      ids += loaded.tokenizer.encode(parallel: document)
      if let end { ids.append(end) }
      bytes += document.count
    }
    if end != nil { ids.removeLast() }
    guard ids.count > 1, bytes > 0 else {
      throw ValidationError("\(text.joined(separator: ", ")): found no text to evaluate on")
    }
    let progress = ProgressLine("evaluate", total: nil, unit: "window")
    let start = ContinuousClock.now
    let result = Perplexity(of: ids, bytes: bytes, under: loaded.model, stride: stride, batch: batch) {
      done, _ in
      progress.update(done)
    }
    progress.finish()
    report(result, seconds: (ContinuousClock.now - start).seconds)
  }

  private func report(_ result: Perplexity, seconds: Double) {
    if json {
      print(
        """
        {"loss": \(result.loss), "perplexity": \(result.perplexity), "bits_per_byte": \(result.bitsPerByte), \
        "tokens": \(result.tokens), "bytes": \(result.bytes), "seconds": \(seconds)}
        """)
      return
    }
    print(
      Table(rows: [
        ["loss", "\(Brief.fixed(result.loss, 4)) nats per token"],
        ["perplexity", Brief.fixed(result.perplexity, 3)],
        ["bits per byte", Brief.fixed(result.bitsPerByte, 4)],
        ["scored", "\(Brief.count(result.tokens)) tokens, \(Bytes(result.bytes))"],
        ["speed", "\(Brief.count(Double(result.tokens) / max(seconds, 1e-9))) tokens/s"],
      ]))
  }
}
