import ArgumentParser
import Evaluation
import FoundationEssentials
import Generation
import Models
import Synchronization
import Telemetry
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Write a model with its matrices in 8 bits a weight, and say what that does to its perplexity.",
    discussion: """
      needletail quantize runs/demo --format fp8
      needletail quantize Llama-3.2-1B --format int8 --output Llama-3.2-1B-int8 --text held-out.txt

      fp8 is E4M3 with a scale for each row (Nemotron-4 340B is deployed so); int8 has a scale for each row and 128
      columns, and is the closer of the two. Arithmetic stays f32. Without --text, the perplexity is that of texts which
      the model itself writes.
      """)

  @Argument(help: "A model's directory, ours or Hugging Face's, or a run's.")
  var model: String

  @Option(help: "fp8 or int8.")
  var format: WeightFormat

  @Option(
    help: "The new directory; by default the model's with the format behind its name.", completion: .directory
  )
  var output: String?

  @Option(parsing: .upToNextOption, help: "Files of text to measure the perplexity on.", completion: .file())
  var text: [String] = []

  @Option(help: "The tokenizer, where the model's directory holds none.", completion: .file())
  var tokenizer: String?

  @Option(help: "Worker threads; by default one for each processor.")
  var threads: Int?

  func run() throws {
    try ThreadCount.check(threads)
    guard format.size == 1 else {
      throw ValidationError(
        "--format must be fp8 or int8, got \(format.rawValue): needletail export writes the others")
    }
    var name = model[...]
    while name.count > 1, name.hasSuffix("/") { name.removeLast() }
    let output = output ?? "\(name)-\(format.rawValue)"
    guard !FileManager.default.fileExists(atPath: output) else {
      throw ValidationError("\(output) is there already; name another directory with --output, or remove it")
    }
    let named = try NamedModel(model, tokenizer: tokenizer)
    guard named.trained.config.kind == .decoder else {
      throw ValidationError("\(model) is an encoder (model.kind): only decoders are quantized")
    }
    let device = Device(threads: threads ?? Device.processorCount)
    let before = try named.trained.load(packing: try named.trained.weightFormat(), on: device)
    let bytesBefore = before.store.bytesRead(besides: nil)
    let windows = try windows(named, before)
    let plain = try perplexity(before, windows)

    var stored = try named.trained.stored()
    if let tokenizer { try stored.companions.add(tokenizer) }
    let progress = ProgressLine("quantize", total: nil, unit: "tensor")
    let bytes = try stored.write(quantized: format, to: output, on: device) { done, _ in progress.update(done)
    }
    progress.finish()
    let after = try ModelDirectory(output).load(packing: format, on: device)
    let quantized = try perplexity(after, windows)
    print(
      Table(rows: [
        ["matrices", "\(Bytes(bytesBefore)) became \(Bytes(after.store.bytesRead(besides: nil)))"],
        ["model.safetensors", Bytes(bytes).description],
        [
          "perplexity",
          "\(Brief.fixed(plain, 4)) became \(Brief.fixed(quantized, 4)) (\(quantized < plain ? "−" : "+")"
            + "\(Brief.fixed(abs(quantized / plain - 1) * 100, 2)) %) on "
            + "\(windows.reduce(0) { $0 + $1.scored }) tokens of \(text.isEmpty ? "texts it wrote" : "--text")",
        ],
        ["output", output],
      ]))
  }

  private func perplexity(_ model: Transformer, _ windows: [Window]) throws -> Double {
    let scores = try Scorer(model).scores(of: windows, choosing: false)
    let count = windows.reduce(0) { $0 + $1.scored }
    return exp(-scores.reduce(0) { $0 + $1.logLikelihood } / Double(max(1, count)))
  }

  /// What the perplexity is measured on.
  private func windows(_ named: NamedModel, _ model: Transformer) throws -> [Window] {
    guard text.isEmpty else {
      return try TextTask(
        TaskInput(files: text, tokenizer: named.tokenizer, context: model.config.context)
      ).windows
    }
    let start = named.tokenizer.beginningOfText ?? named.tokenizer.endOfText ?? 0
    let count = min(256, model.config.context - 1)
    let engine = Engine(model.config)
    var request = GenerationRequest(prompt: [start], maximumTokens: count)
    request.choices = 16
    let texts = Mutex([[Int32]](repeating: [start], count: request.choices))
    _ = try engine.submit(request) { event in
      if case .token(let choice, let score) = event { texts.withLock { $0[choice].append(score.id) } }
    }
    let pages = (count + model.device.pageTokens) / model.device.pageTokens
    engine.run(ModelRunner(model, pageCount: 16 * (pages + 1)), untilIdle: true)
    return texts.withLock { $0 }.map { Window($0[...], scored: $0.count - 1) }
  }
}
