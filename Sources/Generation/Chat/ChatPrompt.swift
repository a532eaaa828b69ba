import JSON
import Tokenizers

/// The token ids of a conversation.
///
/// The template's special tokens become ids. What clients wrote is data: a special token's text in it is spelled
/// in ordinary tokens, so that no message can end its turn or speak as somebody else.
package struct ChatPrompt: Sendable {
  private let renderer: any ChatRenderer
  private let tokenizer: any Tokenizer
  private let specials: TextFinder

  package init(_ renderer: any ChatRenderer, _ tokenizer: any Tokenizer) {
    self.renderer = renderer
    self.tokenizer = tokenizer
    specials = TextFinder(tokenizer.specialTokens.map(\.text))
  }

  /// - Parameter messages: objects with `role` and what else the template reads.
  package func encode(
    _ messages: [JSONValue], tools: JSONValue? = nil, addsGenerationPrompt: Bool = true
  ) throws(ChatFailure) -> [Int32] {
    var taken: Set<Unicode.Scalar> = []
    for message in messages { Disguise.privateCharacters(of: message, into: &taken) }
    if let tools { Disguise.privateCharacters(of: tools, into: &taken) }

    var disguise = Disguise(specials, coversOpenEnds: false, taken: taken)
    var pieces = try render(messages, tools, addsGenerationPrompt, &disguise)
    if disguise.sawOpenEnds {
      // Part of a special token at the end of a message: did the text around it complete one?
      var strict = Disguise(specials, coversOpenEnds: true, taken: taken)
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
    _ messages: [JSONValue], _ tools: JSONValue?, _ addsGenerationPrompt: Bool, _ disguise: inout Disguise
  ) throws(ChatFailure) -> [Disguise.Piece] {
    let hidden = messages.map { disguise.hide($0) }
    let hiddenTools = tools.map { disguise.hide($0) }
    return disguise.pieces(
      of: try renderer.prompt(hidden, tools: hiddenTools, addsGenerationPrompt: addsGenerationPrompt))
  }

  private func specials(in pieces: [Disguise.Piece]) -> Int {
    pieces.reduce(0) { count, piece in
      if case .template(let bytes) = piece { count + specials.ranges(in: bytes).count } else { count }
    }
  }
}
