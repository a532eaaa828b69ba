import ArgumentParser
import Dispatch
import Files
import FoundationEssentials
import Generation
import Serving
import Synchronization
import Telemetry
import Tensors
import Tokenizers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve a model over OpenAI's HTTP API, with a page to chat with it.",
    discussion: """
      needletail serve runs/demo --port 8080
      needletail serve Llama-3.2-1B-Instruct --weights int8 --cache-memory 4GiB
      needletail serve nemotron --tensor 2 --chat-template nemotron --host 0.0.0.0 --api-keys keys.txt

      Then, in another terminal or a browser:
      curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\
        -d '{"prompt": "Once upon a time", "max_tokens": 64, "stream": true}'
      Ctrl-C lets running answers finish; a second one does not.
      """)

  @Argument(help: "A model's directory, ours or Hugging Face's, or a run's.")
  var model: String?

  @Option(help: "The address to listen at; 0.0.0.0 for all of this machine's.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes a free one and says which.")
  var port = 8080

  @Option(help: "What clients call the model; by default the name of its directory.")
  var name: String?

  @Option(
    help: ArgumentHelp(
      "A template's file, or nemotron, chatml, llama2, llama3 or plain; by default the model's own, else plain.",
      valueName: "template"))
  var chatTemplate: String?

  @Option(
    help: ArgumentHelp(
      "SHA-256 hashes of the keys that clients must have, one a line; --hash-key makes them.",
      valueName: "file"),
    completion: .file())
  var apiKeys: String?

  @Flag(help: "Read a key from standard input, print its hash for --api-keys, and end.")
  var hashKey = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Pages of these origins may call the server (CORS); none by default.", valueName: "origin"))
  var corsOrigin: [String] = []

  @Option(help: "Bytes of a request at most, such as 4MiB.")
  var maxBody = ByteCount(4 << 20)

  @Option(help: "Requests answered at once at most; others are told to try again.")
  var maxRequests = 512

  @Option(help: "Seconds that running answers get to finish when the server is told to stop.")
  var drain = 30

  @OptionGroup var engine: EngineOptions

  func run() async throws {
    if hashKey { return try printHash() }
    guard let model else { throw ValidationError("expected a model's directory before the options") }
    let config = try serverConfig()
    let launch = try EngineLaunch(model, engine, allowsReplicas: false)
    let chat = try ModelChat(chatTemplate, directory: launch.named.trained.tokenizerPath)
    // Processes of mpirun beside the first only follow it.
    guard launch.isFirst else {
      // The first ends them, when running answers are done.
      for number in [SIGINT, SIGTERM, SIGUSR1] { signal(number, SIG_IGN) }
      return try launch.run { _, _ in }
    }
    try await serve(launch, chat, config, name: name ?? Self.name(of: model))
  }

  private func serve(_ launch: EngineLaunch, _ chat: ModelChat, _ config: ServerConfig, name: String)
    async throws
  {
    let start = ContinuousClock.now
    let slot = ModelSlot(), generation = Engine(launch.named.trained.config, engine.config)
    let server = Server(config, slot) { [host] port in
      Terminal.standardError.writeLine("http://\(host):\(port)  (loading \(name) …)")
    }
    let failure = Mutex<(any Error)?>(nil)
    let isDone = DispatchSemaphore(value: 0)
    DispatchQueue(label: "engine").async {
      do {
        try launch.run { rank, runner in
          let tokenizer = launch.named.tokenizer
          let stops = try launch.named.stops()
          slot.set(
            ServedModel(
              name: name, created: Int(Date().timeIntervalSince1970), tokenizer: tokenizer,
              service: generation,
              chat: chat, stops: stops, chatStops: stops.union(chat.stops(tokenizer))))
          Terminal.standardError.writeLine(
            "\(name) is ready after \(Brief.fixed((ContinuousClock.now - start).seconds, 2)) s: weights in "
              + "\(launch.format.rawValue), a context of \(generation.context) tokens, room for "
              + "\(runner.cacheTokens) tokens of keys and values")
          generation.run(runner)
        }
      } catch {
        slot.fail()
        failure.withLock { $0 = error }
        server.shutdown()
      }
      isDone.signal()
    }
    let signals = Self.onSignals { server.shutdown() }
    defer { for signal in signals { signal.cancel() } }
    try await server.run()
    generation.close()
    // A model that is still being read is not waited for.
    let isLoaded = slot.isReady
    if let error = failure.withLock({ $0 }) { throw error }
    if isLoaded { await Self.wait(for: isDone) }
    let figures = generation.statistics
    Terminal.standardError.writeLine(
      "served \(Brief.count(figures.requests)) requests: read \(Brief.count(figures.promptTokens)) tokens, of which "
        + "\(Brief.count(figures.cachedTokens)) were known, wrote \(Brief.count(figures.writtenTokens))")
  }

  private static func wait(for semaphore: DispatchSemaphore) async {
    await withCheckedContinuation { done in
      DispatchQueue.global().async {
        semaphore.wait()
        done.resume()
      }
    }
  }

  /// SIGINT, SIGTERM and SIGUSR1, which mpirun hands on, call `stop`; the second ends the process.
  private static func onSignals(_ stop: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
    let count = SignalCount()
    return [SIGINT, SIGTERM, SIGUSR1].map { (number: Int32) -> any DispatchSourceSignal in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        guard count.isFirst else { _exit(128 + number) }
        stop()
      }
      source.resume()
      return source
    }
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last { $0 != "." && $0 != ".." }.map(String.init) ?? path
  }

  private func printHash() throws {
    let key = String(decoding: StandardInput.readAll(), as: UTF8.self).split(separator: "\n").first ?? ""
    guard key.utf8.count >= 16 else {
      throw ValidationError(
        "the key on standard input has \(key.utf8.count) bytes, expected at least 16; openssl rand -hex 32 makes one"
      )
    }
    print(APIKeys.hash(String(key)))
  }

  private func serverConfig() throws -> ServerConfig {
    guard (0...65535).contains(port) else {
      throw ValidationError("--port must lie in 0 ... 65535, got \(port)")
    }
    guard (1...100_000).contains(maxRequests) else {
      throw ValidationError("--max-requests must lie in 1 ... 100000, got \(maxRequests)")
    }
    guard (0...86400).contains(drain) else {
      throw ValidationError("--drain must lie in 0 ... 86400 seconds, got \(drain)")
    }
    var config = ServerConfig()
    config.host = host
    config.port = port
    config.corsOrigins = corsOrigin
    config.limits.bodyBytes = maxBody.bytes
    config.limits.requests = maxRequests
    config.timeouts.drain = .seconds(drain)
    if let apiKeys {
      config.keys = try APIKeys(
        text: String(decoding: try MappedFile(apiKeys).contents, as: UTF8.self), source: apiKeys)
    }
    return config
  }
}

/// Whether a signal is the first.
private final class SignalCount: Sendable {
  private let count = Atomic(0)
  var isFirst: Bool { count.add(1, ordering: .relaxed).oldValue == 0 }
}
