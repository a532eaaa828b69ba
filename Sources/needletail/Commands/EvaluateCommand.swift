import ArgumentParser
import Collectives
import Evaluation
import Files
import FoundationEssentials
import Models
import Telemetry
import Tensors

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure how well a model predicts texts, by the protocols that others publish.",
    discussion: """
      needletail evaluate runs/demo --text held-out.txt
      needletail evaluate runs/demo --text a.html b.jsonl.gz --stride 64 --json
      needletail evaluate runs/gpt --task wikitext103 --data wiki.test.raw --overlapping-eval 32
      needletail evaluate runs/gpt --task lambada --data lambada_test.jsonl --samples words.jsonl
      needletail evaluate --task list

      On many ranks (threads, or processes of mpirun or srun), of which --tensor × --pipeline hold a model:
      needletail evaluate runs/gpt --task wikitext --data wiki.test.raw --ranks 8 --tensor 2 --pipeline 2
      """)

  @Argument(help: "A model's directory, or a run's (its finished model, else its newest checkpoint).")
  var model: String?

  @Option(help: "What is measured; list shows what there is.")
  var task: String?

  @Option(help: "The task's documents.", completion: .file())
  var data: String?

  @Option(
    parsing: .upToNextOption,
    help:
      "Any text instead of a task: files of plain text, JSONL with a text key, or HTML, perhaps compressed (gz, zst).",
    completion: .file())
  var text: [String] = []

  @Option(
    name: [.long, .customLong("overlapping-eval")],
    help: "Targets scored in each window; below the context every token sees more of what came before.")
  var stride: Int?

  @Flag(help: "Of a last word (lambada), only the last token has to be right.")
  var nonStrict = false

  @Option(help: "Tokens computed together.")
  var batchTokens = Scorer.defaultBudget

  @OptionGroup var mesh: MeshOptions

  @Option(help: "The tokenizer, where the model's directory holds none.", completion: .file())
  var tokenizer: String?

  @Option(help: "Worker threads of each rank; by default its share of the processors.")
  var threads: Int?

  @Flag(help: "Replace bytes that are not UTF-8 by U+FFFD instead of stopping.")
  var replaceInvalid = false

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Where to write what each document came to, one JSON object a line.", valueName: "file"),
    completion: .file())
  var samples: String?

  func run() throws {
    if task == "list" { return print(Table(rows: TaskName.allCases.map { [$0.rawValue, $0.summary] })) }
    let name = try taskName()
    guard let model else { throw ValidationError("expected a model's directory before the options") }
    guard samples != "" else { throw ValidationError("--samples needs a file's name, got none") }
    guard batchTokens > 0 else {
      throw ValidationError("--batch-tokens must be at least 1, got \(batchTokens)")
    }
    try ThreadCount.check(threads)
    let launch = try mesh.launch()
    let named = try NamedModel(model, tokenizer: tokenizer)
    try Scorer.check(named.trained.config)
    let mesh = try mesh.mesh(ranks: launch.count, for: named.trained.config)
    let task = try name.task(input(named))
    // Before the work: a place that cannot be written to is no surprise at its end.
    let samplesFile = try launch.isFirst ? samples.map { try AtomicFile($0) } : nil
    let (scores, duration) = try launch.run(mesh, limit: MeshOptions.limit) { [self] rank in
      let device = Device(threads: threads ?? max(1, Device.processorCount / rank.neighbours))
      let part = try named.trained.load(TransformerPart.share(of: named.trained.config, on: rank), on: device)
      return score(task, with: try Scorer(part, rank: rank, budget: batchTokens), rank)
    }
    guard launch.isFirst else { return }
    report(task, task.figures(scores), seconds: duration.seconds)
    if let samplesFile { try write(task.samples(scores), to: samplesFile) }
  }

  private func taskName() throws -> TaskName {
    guard let task else {
      guard !text.isEmpty, data == nil else {
        throw ValidationError(
          "expected --text FILES, or --task NAME --data FILE; --task list shows the tasks")
      }
      return .text
    }
    guard let name = TaskName(rawValue: task) else {
      let known = TaskName.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--task must be one of \(known), got \(task)")
    }
    guard text.isEmpty else { throw ValidationError("--task reads --data: leave --text out, or --task") }
    guard data != nil else { throw ValidationError("--task \(task) needs --data FILE: \(name.summary)") }
    guard stride == nil || name.slides else {
      throw ValidationError("--stride has no meaning for --task \(task): its windows are given")
    }
    guard !nonStrict || name == .lambada else {
      throw ValidationError("--non-strict has no meaning for --task \(task), only for lambada")
    }
    return name
  }

  private func input(_ named: NamedModel) -> TaskInput {
    var input = TaskInput(
      files: data.map { [$0] } ?? text, tokenizer: named.tokenizer, context: named.trained.config.context)
    input.stride = stride
    input.isStrict = !nonStrict
    input.replacesInvalidText = replaceInvalid
    return input
  }

  private func score(_ task: any EvaluationTask, with scorer: Scorer, _ rank: Rank) -> ([Score], Duration) {
    let inputs = task.windows.reduce(0) { $0 + $1.inputCount }
    let progress = rank.isFirst ? ProgressLine("evaluate", total: inputs, unit: "token") : nil
    let start = ContinuousClock.now
    let scores = scorer.scores(of: task.windows, choosing: type(of: task).isChoosing) { done, _ in
      progress?.update(done)
    }
    progress?.finish()
    return (scores, ContinuousClock.now - start)
  }

  private func write(_ samples: [Sample], to file: AtomicFile) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    for sample in samples { try file.write([UInt8](try encoder.encode(sample)) + [0x0A]) }
    try file.commit()
  }

  private func report(_ task: any EvaluationTask, _ figures: [Figure], seconds: Double) {
    guard !json else {
      let members = (figures + [Figure("seconds", seconds)]).map { "\"\($0.name)\": \($0.json)" }
      return print("{\(members.joined(separator: ", "))}")
    }
    var table = Table(
      rows: figures.map {
        [$0.name.split(separator: "_").joined(separator: " "), Brief.fixed($0.value, $0.digits)]
      })
    let inputs = task.windows.reduce(0) { $0 + $1.inputCount }
    table.append("speed", "\(Brief.count(Double(inputs) / max(seconds, 1e-9))) tokens/s")
    print(table)
  }
}

extension Figure {
  /// With all its digits; JSON has no NaN and no infinity.
  fileprivate var json: String { !value.isFinite ? "null" : digits == 0 ? "\(Int(value))" : "\(value)" }
}
