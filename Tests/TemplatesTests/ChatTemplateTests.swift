import Testing

@testable import Templates

@Suite("Chat templates")
struct ChatTemplateTests {
  private static let messages = [
    ChatMessage(role: "system", content: "Be brief."), ChatMessage(role: "user", content: " Hi. "),
    ChatMessage(role: "assistant", content: "Hello."), ChatMessage(role: "user", content: "Bye."),
  ]

  @Test("Nemotron's is the format of its model card")
  func nemotron() throws {
    let template = try ChatTemplate(.nemotron)
    #expect(
      try template.render([Self.messages[3]], addGenerationPrompt: true)
        == "<extra_id_0>System\n\n<extra_id_1>User\nBye.\n<extra_id_1>Assistant\n")
    let expected = """
      <extra_id_0>System
      Be brief.

      <extra_id_1>User
      Hi.
      <extra_id_1>Assistant
      Hello.
      <extra_id_1>User
      Bye.
      <extra_id_1>Assistant

      """
    #expect(try template.render(Self.messages, addGenerationPrompt: true) == expected)
  }

  @Test(
    "those that Needletail brings give what the models' own give",
    arguments: [
      (ChatTemplate.BuiltIn.llama2, "llama2"), (.llama3, "llama3"), (.chatml, "chatml"),
      (.nemotron, "nemotron-mini"),
    ])
  func asPublished(builtIn: ChatTemplate.BuiltIn, name: String) throws {
    let own = try ChatTemplate(
      source: try #require(try Fixture.templates()[name]), bosToken: builtIn.bosToken,
      eosToken: builtIn.eosToken)
    for messages in [Self.messages, Array(Self.messages[1...]), Array(Self.messages[1...1])] {
      for prompt in [true, false] {
        let text = try ChatTemplate(builtIn).render(messages, addGenerationPrompt: prompt)
        #expect(try own.render(messages, addGenerationPrompt: prompt) == text)
        #expect(text.contains("Hi."))
      }
    }
  }

  @Test("the plain one has a line a message")
  func plain() throws {
    let text = try ChatTemplate(.plain).render(Self.messages, addGenerationPrompt: true)
    #expect(text == "system: Be brief.\nuser:  Hi. \nassistant: Hello.\nuser: Bye.\nassistant:")
  }

  @Test("what a template refuses is a failure with its own words")
  func refusal() throws {
    let template = try ChatTemplate(.llama2)
    #expect {
      try template.render([Self.messages[3], Self.messages[3]], addGenerationPrompt: true)
    } throws: { error in
      (error as? TemplateFailure)?.reason.hasSuffix("in turns behind a first system message, got user")
        == true
    }
  }

  @Test(
    "messages show role, content, name and the rest in their order, and the rest may stand in for content")
  func members() throws {
    let template = try ChatTemplate(
      source: "{% for m in messages %}{{ m | tojson }}{% endfor %}{{ tools }}{{ x }}")
    let calls = ChatMessage(
      role: "assistant", content: "", name: "Ada", others: ["tool_calls": [["id": 1]], "content": .none])
    #expect(
      try template.render([calls], addGenerationPrompt: false, values: ["x": 7])
        == #"{"role": "assistant", "content": null, "name": "Ada", "tool_calls": [{"id": 1}]}None7"#)
  }

  @Test("a date is given or not needed")
  func date() throws {
    let template = try ChatTemplate(source: "{{ strftime_now('%d %b %Y') }}")
    #expect(try template.render([], addGenerationPrompt: false, at: Fixture.date) == "26 Jul 2024")
    #expect(throws: TemplateFailure(line: 1, "strftime_now needs a date, and none was given")) {
      try template.render([], addGenerationPrompt: false)
    }
    #expect(TemplateDate(year: 2023, month: 2, day: 29) == nil)
    #expect(TemplateDate(year: 2000, month: 2, day: 29)?.text(for: "A") == "Tuesday")
    #expect(TemplateDate(year: 1970, month: 1, day: 1)?.text(for: "a") == "Thu")
  }

  // MARK: Files

  private static func render(_ template: ChatTemplate?) throws -> String? {
    try template?.render([ChatMessage(role: "user", content: "x")], addGenerationPrompt: true)
  }

  @Test("chat_template.jinja wins over tokenizer_config.json, which still gives the tokens")
  func files() throws {
    let text = #"""
      {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null,
      "chat_template": "C{{ bos_token }}{{ eos_token }}{{ pad_token }}"}
      """#
    let config = Array(text.utf8)
    let jinja = Array("J{{ eos_token }}".utf8)
    #expect(try Self.render(try ChatTemplate.read(tokenizerConfig: config, jinja: nil)) == "C<s></s>")
    #expect(try Self.render(try ChatTemplate.read(tokenizerConfig: config, jinja: jinja)) == "J</s>")
    #expect(try Self.render(try ChatTemplate.read(tokenizerConfig: nil, jinja: jinja)) == "J")
    #expect(try ChatTemplate.read(tokenizerConfig: config, jinja: nil)?.eosToken == "</s>")
    for none in ["{}", #"{"chat_template": null}"#] {
      #expect(try ChatTemplate.read(tokenizerConfig: Array(none.utf8), jinja: nil)?.source == nil)
    }
    #expect(try ChatTemplate.read(tokenizerConfig: nil, jinja: nil)?.source == nil)
  }

  @Test("of named templates the default is taken")
  func namedTemplates() throws {
    let config =
      #"{"chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]}"#
    #expect(try Self.render(try ChatTemplate.read(tokenizerConfig: Array(config.utf8), jinja: nil)) == "D")
  }

  @Test(
    "a damaged file is named, with the line",
    arguments: [
      ("{\n\"chat_template\": 3}", "tokenizer_config.json: chat_template is neither"),
      (
        "{\n\"chat_template\": [{\"name\": \"x\", \"template\": \"\"}]}",
        "tokenizer_config.json: chat_template is neither"
      ),
      (
        "{\n\"a\": 1,\n\"b\" 2}", "tokenizer_config.json, line 3: not valid JSON: got byte 0x32, expected ':'"
      ),
      ("{\"chat_template\": \"a\\n{{ b\"}", "tokenizer_config.json, line 2: the tag is not closed with }}"),
    ])
  func damagedFiles(config: String, expected: String) {
    #expect {
      try ChatTemplate.read(tokenizerConfig: Array(config.utf8), jinja: nil)
    } throws: { error in
      "\(error)".hasPrefix(expected)
    }
  }
}
