import Testing

@testable import Templates

@Suite("Templates beside Jinja")
struct OracleTests {
  @Test("every chat template gives the text that transformers gives, or its error")
  func conversations() throws {
    let (fixture, templates) = (try Fixture.json("chat.json"), try Fixture.templates())
    let cases = fixture["cases"]?.elements ?? []
    #expect(cases.count > 600)
    for entry in cases {
      let (name, conversation) = (
        try #require(entry["template"]?.text), try #require(entry["conversation"]?.text)
      )
      var values: [String: TemplateValue] = [
        "tools": .none, "documents": .none, "add_generation_prompt": true, "bos_token": "<s>",
        "eos_token": "</s>",
      ]
      values.merge(Fixture.values(fixture["conversations"]?[conversation])) { $1 }
      let result = Fixture.result(try #require(templates[name]), values)
      let difference = Expected(entry).difference(from: result)
      #expect(difference == nil, "\(name), \(conversation)")
    }
    let tried = Set(cases.compactMap { $0["template"]?.text })
    #expect(tried == Set(templates.keys), "the fixtures are older than the templates")
  }

  @Test("expressions, statements and white space come out as Jinja's, and errors on Jinja's lines")
  func smallCases() throws {
    let fixture = try Fixture.json("cases.json")
    let values = Fixture.values(fixture["values"])
    let cases = fixture["cases"]?.elements ?? []
    #expect(cases.count > 200)
    for entry in cases {
      let source = try #require(entry["source"]?.text)
      let difference = Expected(entry).difference(from: Fixture.result(source, values))
      #expect(difference == nil, "\(source.debugDescription)")
    }
  }
}
