import ArgumentParser
import Files
import FoundationEssentials
import JSON
import Generation
import Templates
import Tokenizers

/// The chat template of a model, and the tokens that end its answers.
struct ModelChat: Sendable {
  let template: ChatTemplate

  /// - Parameters:
  ///   - choice: a built-in template's name, or a file; nil: the model's own, else `plain`.
  ///   - directory: where the model's tokenizer stands.
  init(_ choice: String?, directory: String) throws {
    func bytes(_ name: String) throws -> [UInt8]? {
      let path = "\(directory)/\(name)"
      return FileManager.default.fileExists(atPath: path) ? try MappedFile(path).contents : nil
    }
    do {
      let own = try ChatTemplate.read(
        tokenizerConfig: try bytes("tokenizer_config.json"), jinja: try bytes("chat_template.jinja"))
      if let choice {
        if let builtIn = ChatTemplate.BuiltIn(rawValue: choice) {
          template = try ChatTemplate(builtIn)
        } else if FileManager.default.fileExists(atPath: choice) {
          template = try ChatTemplate(
            source: String(decoding: try MappedFile(choice).contents, as: UTF8.self),
            otherTokens: own?.tokens ?? [:])
        } else {
          let known = ChatTemplate.BuiltIn.allCases.map(\.rawValue).joined(separator: ", ")
          throw ValidationError("--chat-template must be a file or one of \(known), got \(choice)")
        }
      } else {
        template = try own ?? ChatTemplate(.plain)
      }
    } catch let failure as TemplateFailure {
      throw ValidationError("\(directory): the chat template cannot be used: \(failure)")
    }
  }

  /// Tokens that end an answer, beside those that end a text.
  func stops(_ tokenizer: any Tokenizer) -> Set<Int32> {
    Set(
      [template.eosToken, "<|im_end|>", "<|eot_id|>"].compactMap {
        $0.flatMap { tokenizer.id(ofSpecial: $0) }
      })
  }

  /// The prompt of a conversation.
  func prompt(_ messages: [ChatMessage], tools: TemplateValue? = nil, addsGenerationPrompt: Bool = true)
    throws(TemplateFailure) -> String
  {
    let now = Calendar(identifier: .gregorian).dateComponents(
      [.year, .month, .day, .hour, .minute, .second], from: Date())
    return try template.render(
      messages, addGenerationPrompt: addsGenerationPrompt, values: tools.map { ["tools": $0] } ?? [:],
      at: TemplateDate(
        year: now.year ?? 1970, month: now.month ?? 1, day: now.day ?? 1, hour: now.hour ?? 0,
        minute: now.minute ?? 0, second: now.second ?? 0))
  }
}

extension ModelChat: ChatRenderer {
  var source: String? { template.source }

  func prompt(_ messages: [JSONValue], tools: JSONValue?, addsGenerationPrompt: Bool) throws(ChatFailure)
    -> String
  {
    let values = messages.map {
      ChatMessage(role: "", content: "", others: TemplateMapping($0.members ?? []))
    }
    do {
      return try prompt(
        values, tools: tools.map { TemplateValue($0) }, addsGenerationPrompt: addsGenerationPrompt)
    } catch { throw ChatFailure("\(error)") }
  }
}
