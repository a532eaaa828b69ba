import FoundationEssentials
import Generation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

// Completions and chat completions.
extension Endpoints {
  func complete(_ request: Request, _ context: ServingContext) async throws -> Response {
    let clock = RequestClock(metrics)
    let model = try slot.ready()
    let sent = try await body(request)
    let pass = try gate.enter()
    let body = try CompletionBody(
      sent, limits: config.limits, vocabulary: model.tokenizer.vocabularySize)
    try model.check(body.model)
    var job = Job(
      model, body.shared, prompts: body.prompts.map { prompt(of: $0, body, model) },
      maximumTokens: body.maximumTokens)
    job.alternatives = body.alternatives
    job.echoes = body.echoes
    let format = CompletionFormat(
      header: AnswerHeader("cmpl-", job, created: Self.now), hasScores: body.alternatives != nil)
    return try await answer(job, format, clock, pass, context)
  }

  /// The tokenizer's opening stands before text; ids are taken as they are. Special tokens may be written out: who
  /// asks for a completion writes all of the prompt.
  private func prompt(of input: TextInput, _ body: CompletionBody, _ model: ServedModel) -> Job.Prompt {
    switch input {
    case .text(let text):
      let opening = body.addsOpening ? model.tokenizer.opening : []
      return Job.Prompt(
        ids: opening + model.tokenizer.encode(text, specials: .asIds), text: text, opening: opening.count)
    case .ids(let ids):
      return Job.Prompt(ids: ids, text: body.echoes ? model.tokenizer.text(of: ids) : "")
    }
  }

  func chat(_ request: Request, _ context: ServingContext) async throws -> Response {
    let clock = RequestClock(metrics)
    let model = try slot.ready()
    let sent = try await body(request)
    let pass = try gate.enter()
    let body = try ChatBody(sent, limits: config.limits, vocabulary: model.tokenizer.vocabularySize)
    try model.check(body.model)
    let ids = try chatIDs(
      of: body.messages, tools: body.tools, addsGenerationPrompt: body.addsGenerationPrompt, model)
    var job = Job(
      model, body.shared, prompts: [Job.Prompt(ids: ids, text: "")],
      maximumTokens: body.maximumTokens ?? max(1, model.context - ids.count))
    if !body.shared.ignoresEnd { job.endTokens = model.chatStops }
    job.alternatives = body.alternatives
    job.source = "messages"
    let format = ChatFormat(
      header: AnswerHeader("chatcmpl-", job, created: Self.now), hasScores: body.alternatives != nil)
    return try await answer(job, format, clock, pass, context)
  }

  /// The token ids of a conversation.
  func chatIDs(
    of messages: [ChatMessage], tools: JSONValue?, addsGenerationPrompt: Bool = true, _ model: ServedModel
  ) throws(APIError) -> [Int32] {
    guard let prompt = model.chatPrompt else {
      throw .invalid(
        "this model has no chat template: use /v1/completions", parameter: "messages",
        code: "no_chat_template")
    }
    do {
      return try prompt.encode(
        messages.map(\.value), tools: tools, addsGenerationPrompt: addsGenerationPrompt)
    } catch {
      throw .invalid("the model's chat template refuses these messages: \(error)", parameter: "messages")
    }
  }

  static var now: Int { Int(Date().timeIntervalSince1970) }

  // MARK: Answering

  private func answer<Format: AnswerFormat>(
    _ job: Job, _ format: Format, _ clock: RequestClock, _ pass: RequestGate.Pass, _ context: ServingContext
  ) async throws -> Response {
    let run = try Run(try job.requests(), on: job.model.service, pass: pass, among: runs)
    // The connection's handler knows when the client goes; without one (in tests) nobody goes.
    let connection = try? await context.channel.eventLoop.submit {
      try context.channel.pipeline.syncOperations.handler(type: ConnectionHandler.self).connection
    }.get()
    let mailbox = run.mailbox
    connection?.whenClosed { mailbox.close(.clientIsGone) }
    var answer = Answer(job, format, run, clock)
    guard job.streams else {
      defer { connection?.forget() }
      return .json(try await answer.collect())
    }
    let start = answer
    return Response(
      status: .ok,
      headers: [
        .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache",
        // Proxies (nginx) would collect events otherwise.
        .xAccelBuffering: "no",
      ],
      body: ResponseBody { writer in
        defer { connection?.forget() }
        var answer = start
        try await EventStream.write(&answer, to: &writer)
      })
  }
}
