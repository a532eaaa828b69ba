import JSON
import Tokenizers

/// The token ids of a conversation.
///
/// The template's special tokens become ids. What clients wrote is data: a special token's text in it is spelled
/// in ordinary tokens, so that no message can end its turn or speak as somebody else.
struct ChatPrompt {
  private let renderer: any ChatRenderer
  private let tokenizer: any Tokenizer
  private let finder: TextFinder

  init(_ renderer: any ChatRenderer, _ model: ServedModel) {
    self.renderer = renderer
    tokenizer = model.tokenizer
    finder = model.specials
  }

  func encode(_ messages: [ChatMessage], tools: JSONValue?, addsGenerationPrompt: Bool) throws(APIError)
    -> [Int32]
  {
    var taken: Set<Unicode.Scalar> = []
    for message in messages { Disguise.privateCharacters(of: .object(message.members), into: &taken) }
    if let tools { Disguise.privateCharacters(of: tools, into: &taken) }

    var disguise = Disguise(finder, coversOpenEnds: false, taken: taken)
    var pieces = try render(messages, tools, addsGenerationPrompt, &disguise)
    if disguise.sawOpenEnds {
      // Part of a special token at the end of a message: did the text around it complete one?
      var strict = Disguise(finder, coversOpenEnds: true, taken: taken)
      let strictPieces = try render(messages, tools, addsGenerationPrompt, &strict)
      if specials(in: pieces) != specials(in: strictPieces) { pieces = strictPieces }
    }
    var ids: [Int32] = []
    for piece in pieces {
      switch piece {
      case .template(let bytes): tokenizer.encode(bytes.span, specials: .asIds, into: &ids)
      case .plain(let bytes): tokenizer.encode(bytes.span, specials: .asText, into: &ids)
      }
    }
    return ids
  }

  private func render(
    _ messages: [ChatMessage], _ tools: JSONValue?, _ addsGenerationPrompt: Bool, _ disguise: inout Disguise
  ) throws(APIError) -> [Disguise.Piece] {
    let hidden = messages.map { message in
      JSONValue.object(
        [JSONMember("role", .string(message.role))]
          + message.members.map {
            JSONMember($0.key, disguise.hide($0.value))
          })
    }
    let hiddenTools = tools.map { disguise.hide($0) }
    do {
      return disguise.pieces(
        of: try renderer.prompt(hidden, tools: hiddenTools, addsGenerationPrompt: addsGenerationPrompt))
    } catch {
      throw .invalid(
        "the model's chat template refuses these messages: \(error.description)", parameter: "messages")
    }
  }

  private func specials(in pieces: [Disguise.Piece]) -> Int {
    pieces.reduce(0) { count, piece in
      if case .template(let bytes) = piece { count + finder.ranges(in: bytes).count } else { count }
    }
  }
}
