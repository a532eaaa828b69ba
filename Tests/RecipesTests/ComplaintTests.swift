import Foundation
import Recipes
import Testing

@Suite struct ComplaintTests {
  @Test(
    "an unknown key is named with its line and the nearest known one",
    arguments: [
      (
        "model:\n  width: 8\n  layer: 2",
        "unknown key model.layer at recipe.yaml:3; did you mean model.layers?"
      ),
      ("modle: {layers: 2}", "unknown key modle at recipe.yaml:1; did you mean model?"),
      (
        "training:\n  width: 2",
        "unknown key training.width at recipe.yaml:2; did you mean model.width?"
      ),
      ("steps: 2", "unknown key steps at recipe.yaml:1; did you mean training.steps?"),
      (
        "model: {ropeFraction: 1}",
        "unknown key model.ropeFraction at recipe.yaml:1; did you mean model.rope_fraction?"
      ),
      (
        "data:\n  blend:\n    - prefix: a\n    - prefx: b",
        "unknown key data.blend[1].prefx at recipe.yaml:4; did you mean data.blend[1].prefix?"
      ),
      (
        "distillation:\n  zzz: 1",
        "unknown key distillation.zzz at recipe.yaml:2; known keys: teacher, temperature"
      ),
    ])
  func unknownKeys(yaml: String, sentence: String) { #expect(complaint(yaml) == sentence) }

  @Test("an unknown --set path is an error like one in the file") func unknownOverride() {
    #expect(
      complaint("", "model.layer=2")
        == "unknown key model.layer in --set model.layer=2; did you mean model.layers?")
  }

  @Test(
    "a value of the wrong type is named with what was expected, got, and where",
    arguments: [
      ("training:\n  steps: many", #"training.steps: expected an integer, got "many" (recipe.yaml:2)"#),
      ("training: {steps: 1.5}", "training.steps: expected an integer, got 1.5 (recipe.yaml:1)"),
      ("training: {steps: true}", "training.steps: expected an integer, got true (recipe.yaml:1)"),
      ("training: {steps: null}", "training.steps: expected an integer, got nothing (recipe.yaml:1)"),
      ("training: {seed: 256}", "training.seed: expected an integer from 0 to 255, got 256 (recipe.yaml:1)"),
      (
        "training: {learning_rate: fast}",
        #"training.learning_rate: expected a number, got "fast" (recipe.yaml:1)"#
      ),
      ("model: {tied: yes}", #"model.tied: expected true or false, got "yes" (recipe.yaml:1)"#),
      ("model: 5", "model: expected a section, got 5 (recipe.yaml:1)"),
      ("model: [a]", "model: expected a section, got a list of one (recipe.yaml:1)"),
      ("training: {betas: 1}", "training.betas: expected a list, got 1 (recipe.yaml:1)"),
      ("training: {betas: [1, x]}", #"training.betas[1]: expected a number, got "x" (recipe.yaml:1)"#),
      (
        "data: {path: 5}",
        "data.path: expected a string (quote it if it reads as something else), got 5 (recipe.yaml:1)"
      ),
      (
        "training: {schedule: {cosin: {warmup: 1}}}",
        "training.schedule: expected a section with the name of one choice as its only key, "
          + "got a section with 1 key (recipe.yaml:1)"
      ),
      ("data: {blend: [5]}", "data.blend[0]: expected a section, got 5 (recipe.yaml:1)"),
      (
        "training: {stop_at_loss: low}",
        #"training.stop_at_loss: expected a number, got "low" (recipe.yaml:1)"#
      ),
      (
        "model:\n  activation: gleu",
        "model.activation: expected one of gelu, squared_relu, swiglu, got \"gleu\" (recipe.yaml:2)"
          + "; did you mean gelu?"
      ),
    ])
  func wrongTypes(yaml: String, sentence: String) { #expect(complaint(yaml) == sentence) }

  @Test("a wrong --set names itself") func wrongOverride() {
    #expect(
      complaint("training: {steps: 3}", "training.steps=many")
        == #"training.steps: expected an integer, got "many" (--set training.steps=many)"#)
    #expect(
      complaint("", "training.steps")
        == "--set training.steps: expected path=value, such as training.steps=100")
    #expect(complaint("", "a..b=1") == "--set a..b=1: expected path=value, such as training.steps=100")
  }

  @Test("all problems are reported at once") func together() {
    #expect(
      complaint("model: {layer: 1, width: x}\ntraining: {steps: y, seed: -1}\nfoo: 1", "model.tied=2")
        .split(separator: "\n").count == 6)
  }

  @Test("a key that has no default is asked for") func missing() {
    struct Strict: Codable { var name: String }
    struct Outer: Codable { var items: [Strict] = [] }
    #expect {
      try Recipe("items:\n  - nam: a").resolve(Outer.self, defaults: Outer())
    } throws: {
      "\($0)" == "items[0].name: missing, and it has no default (recipe.yaml:2); is it nam there?"
    }
  }

  @Test("rules across sections are reported together") func rules() {
    #expect { try RecipeFailure.report([nil, "a: one", nil, "b: two"]) } throws: {
      "\($0)" == "a: one\nb: two"
    }
    #expect(throws: Never.self) { try RecipeFailure.report([nil, nil]) }
  }

  @Test(
    "text that is no recipe is refused with its line",
    arguments: [
      ("a: [1, 2\nb: 3", "recipe.yaml:2: not YAML: while parsing a flow sequence"),
      ("a: 1\n b: 2", "recipe.yaml:2: not YAML"),
      ("a: 1\n\ta: 2", "recipe.yaml:2: not YAML"),
      ("model:\n  layers: 1\n  layers: 2", "recipe.yaml:2: the key layers stands twice; keep one"),
      ("- a\n- b", "recipe.yaml: expected sections such as \"training:\", got a list of 2"),
      ("a: 1\n---\nb: 2", "recipe.yaml:2: not YAML"),
      ("a: !!int 3", "recipe.yaml:1: expected a plain value, got one with the tag"),
      ("[a]: 3", "recipe.yaml:1: expected a word as a key"),
      ("a: *b", "recipe.yaml:1: not YAML: found undefined alias"),
      ("a: \u{1}", "recipe.yaml: not text: control characters are not allowed"),
    ])
  func malformed(yaml: String, start: String) {
    let sentence = complaint(yaml)
    #expect(sentence.hasPrefix(start), "\(sentence)")
  }

  @Test("deep nesting and alias bombs are refused, quickly")
  func bombs() {
    let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(complaint("a: \(deep)").contains("at most 64 levels"))
    #expect(complaint("a: " + String(repeating: "[", count: 500_000)).contains("nesting level"))
    #expect(complaint("a: " + String(repeating: "{a: ", count: 100_000)).contains("not YAML"))
    #expect(complaint(String(repeating: "- ", count: 100_000)).contains("not YAML"))
    let rows = (1...9).map {
      "a\($0): &a\($0) [" + Array(repeating: "*a\($0 - 1)", count: 9).joined(separator: ",") + "]"
    }
    #expect(complaint("a0: &a0 x\n" + rows.joined(separator: "\n")).contains("at most 24 aliases"))
    let doubling = (1...12).map { "a\($0): &a\($0) [*a\($0 - 1),*a\($0 - 1)]" }
    let key = "\n? *a12\n: x"
    #expect(complaint("a0: &a0 x\n" + doubling.joined(separator: "\n")).contains("unknown key a0"))
    #expect(complaint("a0: &a0 x\n" + doubling.dropLast().joined(separator: "\n") + key) != "nothing")
    #expect(complaint(String(repeating: "#", count: 2_000_000)).contains("at most 1 MiB"))
  }

  @Test("mutilated recipes are read or refused, never trapped on") func mutilated() throws {
    let text = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/small.yaml"),
      encoding: .utf8)
    let bytes = Array(
      (text + "training: &t {betas: [1, 2], schedule: *t}\n? {a: b}\n: |\n  c\n").unicodeScalars)
    let marks = Array("[]{}:,-?&*!|>'\"%@`#\n\t \u{0}\u{FEFF}é0.e_~<".unicodeScalars)
    var random = Xorshift(state: 88_172_645_463_325_252)
    var refused = 0
    for _ in 0..<3000 {
      var mutant = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let at = Int.random(in: 0..<mutant.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: mutant.remove(at: at)
        case 1: mutant.insert(marks.randomElement(using: &random) ?? " ", at: at)
        default: mutant.swapAt(at, Int.random(in: 0..<mutant.count, using: &random))
        }
      }
      if complaint(String(String.UnicodeScalarView(mutant))) != "nothing" { refused += 1 }
    }
    #expect(refused > 1000)
  }

  @Test("a file that cannot be read is named with the reason") func unreadable() throws {
    #expect { try Recipe(contentsOf: "/nowhere/x.yaml") } throws: {
      "\($0)" == "/nowhere/x.yaml: no such recipe; check the path"
    }
    #expect { try Recipe(contentsOf: "/tmp") } throws: { "\($0)".contains("got a directory") }
    #expect { try Recipe(contentsOf: "/dev/zero") } throws: { "\($0)".contains("or a device") }
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Foundation.Data([0x61, 0xFF]).write(to: URL(filePath: path))
    #expect { try Recipe(contentsOf: path) } throws: { "\($0)".contains("expected UTF-8") }
    try "extends: \(path)".write(toFile: path, atomically: true, encoding: .utf8)
    #expect { try Recipe(contentsOf: path) } throws: { "\($0)".contains("in a circle") }
  }
}

/// The same mutants every time (Marsaglia 2003).
private struct Xorshift: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
