import JSON
import Testing

@testable import Tokenizers

@Suite("Stages of tokenizer.json")
struct StageTests {
  @Test("gives Hugging Face's ids, or says which stages it cannot put together", arguments: 0..<10)
  func idsEqualHuggingFace(number: Int) throws {
    let fixture = try JSONValue(Fixture.bytes("stages.json"), source: "stages.json")
    let forms = try #require(fixture["forms"]?.elements)
    #expect(forms.count == 10)
    let form = forms[number]
    let json = #"{\#(form["parts"]?.text ?? ""),"model":\#(fixture["model"]?.text ?? "")}"#
    func load() throws -> any Tokenizer {
      try TokenizerFormat.load(["tokenizer.json": Array(json.utf8)]).tokenizer
    }
    if let refused = form["refused"]?.text {
      let failure = #expect(throws: TokenizerFailure.self) { try load() }
      #expect(failure?.description.contains(refused) == true, "\(failure?.description ?? "")")
    } else {
      let ids = (form["ids"]?.elements ?? []).compactMap(\.integer).map(Int32.init)
      #expect(try load().encode(fixture["text"]?.bytes ?? []) == ids, "\(form["name"]?.text ?? "")")
    }
  }
}
