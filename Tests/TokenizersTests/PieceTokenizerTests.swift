import JSON
import Testing

@testable import Tokenizers

@Suite("BPE over pieces")
struct PieceTokenizerTests {
  private static let parts = ["model", "added_tokens", "post_processor"]

  private static func fixture() throws -> JSONValue {
    try JSONValue(Fixture.bytes("pieces.json"), source: "pieces.json")
  }

  /// The `tokenizer.json` of a form.
  private static func json(_ form: JSONValue) throws -> String {
    let fixture = try fixture()
    let model =
      #""model":\#(fixture["model"]?.text ?? ""),"added_tokens":\#(fixture["added_tokens"]?.text ?? "")"#
    let frame = #""post_processor":\#(fixture["post_processor"]?.text ?? "")"#
    let stages =
      #""normalizer":\#(form["normalizer"]?.text ?? ""),"pre_tokenizer":\#(form["pre_tokenizer"]?.text ?? ""),"#
      + #""decoder":\#(form["decoder"]?.text ?? "")"#
    return "{\(model),\(frame),\(stages)}"
  }

  private static func form(_ number: Int) throws -> JSONValue {
    try #require(fixture()["forms"]?.elements)[number]
  }

  private static func load(_ json: String, configuration: String? = nil) throws -> any Tokenizer {
    var files = ["tokenizer.json": Array(json.utf8)]
    if let configuration { files["tokenizer_config.json"] = Array(configuration.utf8) }
    return try TokenizerFormat.load(files).tokenizer
  }

  @Test(
    "gives the ids and the text that Hugging Face gives, in the old form and the new ones", arguments: 0..<7)
  func idsEqualHuggingFace(number: Int) throws {
    let form = try Self.form(number)
    let tokenizer = try Self.load(Self.json(form))
    let vectors = try #require(form["vectors"]?.elements)
    #expect(vectors.count > 20)
    for vector in vectors {
      func ids(_ key: String) -> [Int32] {
        (vector[key]?.elements ?? []).compactMap(\.integer).map(Int32.init)
      }
      let text = vector["text"]?.text ?? ""
      #expect(tokenizer.encode(text) == ids("ids"), "\(form["name"]?.text ?? ""): \(text)")
      #expect(tokenizer.encode(text, specials: .asIds) == ids("special"))
      #expect(tokenizer.text(of: ids("ids")) == vector["decoded"]?.text)
    }
    #expect(tokenizer.opening == [1])
    #expect(tokenizer.endOfText == 2)
    #expect(tokenizer.beginningOfText == 1)
    #expect(tokenizer.text(of: [1] + tokenizer.encode("The swift") + [2]) == "The swift")
  }

  @Test("bytes that are not UTF-8 become byte pieces, on any number of threads")
  func noise() throws {
    let never = try Self.load(Self.json(Self.form(5)))
    let text = try Fixture.bytes("text.txt")
    let long = Array([[UInt8]](repeating: text + [0xFF], count: 400).joined())
    #expect(never.decode(never.encode(long)) == long)
    #expect(never.encode(documents: [long, text], threads: 3) == [never.encode(long), never.encode(text)])
  }

  @Test(
    "tokenizer.json has the last word on what opens a text, with a post-processor and without",
    arguments: ["true", "false"])
  func configuration(adds: String) throws {
    let configuration = #"{"add_bos_token":\#(adds),"bos_token":{"content":"</s>"}}"#
    #expect(try Self.load(Self.json(Self.form(0)), configuration: configuration).opening == [1])
    let plain = String(decoding: try Fixture.bytes("gpt2.tokenizer.json"), as: UTF8.self)
    let named = #"{"add_bos_token":\#(adds),"bos_token":"<|user|>"}"#
    let tokenizer = try Self.load(plain, configuration: named)
    #expect((tokenizer.opening, tokenizer.beginningOfText) == ([], 1))
  }

  @Test(
    "without tokenizer.json, a text is opened where tokenizer_config.json says add_bos_token",
    arguments: [(nil, []), ("{}", []), (#"{"add_bos_token":false}"#, []), (#"{"add_bos_token":true}"#, [1])]
      as [(String?, [Int32])])
  func addBosToken(configuration: String?, ids: [Int32]) throws {
    let settings = configuration.map { ["tokenizer_config.json": Array($0.utf8)] } ?? [:]
    let model = ["tokenizer.model": try Fixture.bytes("llama.model")].merging(settings) { $1 }
    #expect(try TokenizerFormat.load(model).tokenizer.opening == ids)
  }

  @Test(
    "what opens a text is what stands before it in the template",
    arguments: [
      ("null", []), (#"{"type":"ByteLevel"}"#, []), (#"{"type":"RobertaProcessing","cls":["<s>",1]}"#, [1]),
      (
        #"{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"BertProcessing","cls":["x",0]}]}"#,
        [0]
      ),
      (template(#"{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"s"}}"#), []),
      (
        template(#"{"SpecialToken":{"id":"s"}},{"SpecialToken":{"id":"t"}},{"Sequence":{"id":"A"}}"#),
        [1, 0, 2]
      ),
    ] as [(String, [Int32])])
  func opening(processor: String, ids: [Int32]) throws {
    let plain = String(decoding: try Fixture.bytes("gpt2.tokenizer.json"), as: UTF8.self)
    let json = plain.replacing(#""post_processor":null"#, with: #""post_processor":\#(processor)"#)
    #expect(try Self.load(json).opening == ids)
  }

  private static func template(_ single: String) -> String {
    #"{"type":"TemplateProcessing","single":[\#(single)],"special_tokens":{"s":{"ids":[1,0]},"t":{"ids":[2]}}}"#
  }

  @Test(
    "says what it cannot do and what is damaged",
    arguments: [
      (#""ignore_merges": false"#, #""ignore_merges": true"#, "ignore_merges"),
      (#""<0x41>""#, #""x<0x41>""#, "<0x00> to <0xFF>"),
      (#""prepend": "\u2581""#, #""prepend": "_""#, "Prepend"),
      (#""normalizers": ["#, #""normalizers": [{"type":"Prepend","prepend":"▁"},"#, "more than one Prepend"),
      (#""content": "\u2581""#, #""content": "_""#, "Replace"), (#""ids": [1]"#, #""ids": [1e9]"#, "<s>"),
      (#""ids": [1]"#, #""ids": [4000]"#, "4000"), (#""merges": [["#, #""merges": [["a"],["#, "merge 0"),
      (#""merges": [["#, #""merges": [["\u2603","a"],["#, "merge 0"),
      (#""dropout": null"#, #""dropout": 0.5"#, "dropout"),
      (#""<unk>": 0"#, #""<unk>": 99999999999"#, "99999999999"),
    ])
  func failures(part: String, damaged: String, named: String) throws {
    let json = try Self.json(Self.form(0))
    let changed = json.replacing(part, with: damaged)
    #expect(changed != json)
    let failure = #expect(throws: TokenizerFailure.self) { try Self.load(changed) }
    #expect(failure?.description.contains(named) == true, "\(failure?.description ?? "")")
  }
}

@Suite("llama2.c's tokenizer")
struct Llama2CTests {
  private static func load(_ bytes: [UInt8]) throws -> TokenizerFiles {
    try TokenizerFormat.load(["tok400.bin": bytes])
  }

  @Test("gives the ids that SentencePiece gives, and loses nothing")
  func idsEqualSentencePiece() throws {
    let files = try Self.load(Fixture.bytes("llama2c.bin"))
    #expect(files.format == .llama2c)
    #expect(Set(files.files.keys) == ["tokenizer.bin"])
    let tokenizer = files.tokenizer
    #expect((tokenizer.opening, tokenizer.endOfText, tokenizer.vocabularySize) == ([1], 2, 400))
    for vector in try Fixture.vectors("llama2c") {
      #expect(tokenizer.encode(vector.text) == vector.ids)
      #expect(tokenizer.decode([1] + vector.ids + [2]) == vector.text)
    }
    #expect(tokenizer.isLossless)
    for seed in UInt64(1)...10 {
      let noise = Fixture.noise(count: 300, seed: seed)
      #expect(tokenizer.decode(tokenizer.encode(noise)) == noise)
    }
  }

  @Test("a cut or damaged file is an error, never a crash")
  func damage() throws {
    let bytes = try Fixture.bytes("llama2c.bin")
    let whole = try Self.load(bytes).tokenizer.vocabularySize
    for cut in 0..<bytes.count {
      // Cut between two tokens, it is a smaller vocabulary.
      guard let files = try? Self.load(Array(bytes[..<cut])) else { continue }
      #expect(files.tokenizer.vocabularySize < whole)
      #expect(files.tokenizer.vocabularySize >= 259)
    }
    for (number, byte) in Fixture.noise(count: 1000, seed: 8).enumerated() {
      var damaged = bytes
      damaged[(number * 7919) % bytes.count] = byte
      guard let files = try? Self.load(damaged) else { continue }
      _ = files.tokenizer.decode(files.tokenizer.encode("The swift, 300 noches. 東京\n"))
    }
    for (text, named) in [
      ("", "cut off"), ("abc", "cut off"), (String(repeating: "x", count: 99), "llama2.c"),
    ] {
      let failure = #expect(throws: TokenizerFailure.self) { try Self.load(Array(text.utf8)) }
      #expect(failure?.description.contains(named) == true, "\(failure?.description ?? "")")
    }
  }
}
