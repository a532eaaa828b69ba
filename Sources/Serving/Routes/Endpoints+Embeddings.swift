import FoundationEssentials
import Generation
import Hummingbird
import Tokenizers

extension Endpoints {
  func embed(_ request: Request) async throws -> Response {
    let model = try slot.ready()
    // Whoever sends slowly takes no place from those who have sent.
    let sent = try await body(request)
    let pass = try gate.enter()
    defer { withExtendedLifetime(pass) {} }
    let body = try EmbeddingsBody(
      sent, limits: config.limits, vocabulary: model.tokenizer.vocabularySize)
    try model.check(body.model)
    var inputs: [[Int32]] = []
    for (index, input) in body.inputs.enumerated() {
      let ids = ids(of: input, model)
      guard (1...model.context).contains(ids.count) else {
        throw APIError.invalid(
          "input \(index) has \(ids.count) tokens, expected 1 … \(model.context)", parameter: "input",
          code: ids.isEmpty ? nil : "context_length_exceeded")
      }
      inputs.append(ids)
    }
    let embeddings = try await Self.embeddings(of: inputs, model)
    var output = JSONOutput(capacity: 4096)
    output.raw(#"{"object":"list","data":["#)
    for (index, embedding) in embeddings.enumerated() {
      if index > 0 { output.comma() }
      output.embedding(embedding, index: index, isBase64: body.isBase64)
    }
    output.raw(#"],"model":"#)
    output.string(model.name)
    let count = inputs.reduce(0) { $0 + $1.count }
    output.raw(#","usage":{"prompt_tokens":"#)
    output.integer(count)
    output.raw(#","total_tokens":"#)
    output.integer(count)
    output.raw("}}")
    return .json(output)
  }

  /// Texts of one request that the model reads at a time: enough to fill a step, and no queue.
  private static let embeddedAtOnce = 16

  private static func embeddings(of inputs: [[Int32]], _ model: ServedModel) async throws -> [[Float]] {
    try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      var embeddings = [[Float]](repeating: [], count: inputs.count)
      var rest = inputs.enumerated().makeIterator()
      func begin() {
        guard let (index, ids) = rest.next() else { return }
        group.addTask { (index, try await embedding(of: ids, model)) }
      }
      for _ in 0..<embeddedAtOnce { begin() }
      while let (index, embedding) = try await group.next() {
        embeddings[index] = embedding
        begin()
      }
      return embeddings
    }
  }

  private static func embedding(of ids: [Int32], _ model: ServedModel) async throws(APIError) -> [Float] {
    let embedding: [Float]
    do { embedding = try await model.service.embed(ids) } catch { throw APIError(error) }
    // What was cancelled has none.
    if embedding.isEmpty { throw APIError.unavailable("the server is shutting down") }
    return embedding
  }

  /// Texts to embed are data: special tokens written in them are spelled.
  private func ids(of input: TextInput, _ model: ServedModel) -> [Int32] {
    switch input {
    case .text(let text): model.tokenizer.opening + model.tokenizer.encode(text, specials: .asText)
    case .ids(let ids): ids
    }
  }
}

extension JSONOutput {
  fileprivate mutating func embedding(_ values: [Float], index: Int, isBase64: Bool) {
    raw(#"{"object":"embedding","index":"#)
    integer(index)
    raw(#","embedding":"#)
    if isBase64 {
      string(Data(values.flatMap { Self.littleEndian($0) }).base64EncodedString())
    } else {
      raw("[")
      for (index, value) in values.enumerated() {
        if index > 0 { comma() }
        number(value)
      }
      raw("]")
    }
    raw("}")
  }

  private static func littleEndian(_ value: Float) -> [UInt8] {
    let bits = value.bitPattern
    return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: bits >> $0) }
  }
}
