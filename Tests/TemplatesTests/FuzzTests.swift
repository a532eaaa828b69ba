import Testing

@testable import Templates

@Suite("Damaged templates")
struct FuzzTests {
  private struct Random {
    var state: UInt64

    /// SplitMix64.
    mutating func next(_ limit: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int((z ^ (z >> 31)) % UInt64(limit))
    }
  }

  private static let pieces = [
    "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "~", "*", "**", "/", "//", "%", "|", ".", ",", ":", "(",
    ")", "[", "]",
    "{", "}", "'", "\"", "\\", "\n", "\r\n", " ", "1", "-1", "9223372036854775807", "0.5", "1e308", "none",
    "true", "missing", "loop", "ns",
    "messages", "tools", "message", "not ", " in ", " is ", " if ", " else ", " and ", " or ", "==", "<", "=",
    "set x = ", "for x in ",
    "endfor", "endif", "macro m(x) ", "endmacro", "generation", "raw", "endraw", "break", "range(99999)",
    "namespace()", "|tojson",
    "|length", "|map('trim')", "|list", "|join", "|sort", "|int", "|indent", "|default", "|first", ".items()",
    ".split('a')", ".strip()",
    "[::-1]", "[1:]", "[0]", "* 100", "* 'ab'", "é", "e\u{301}", "\u{2028}", "👩‍👩‍👧", "\u{0}",
  ]

  private static func mutated(
    _ source: [Unicode.Scalar], with other: [Unicode.Scalar], _ random: inout Random
  ) -> String {
    var scalars = source
    for _ in 0...random.next(4) {
      let at = random.next(scalars.count + 1)
      let end = min(scalars.count, at + random.next(random.next(20) == 0 ? 400 : 12))
      switch random.next(5) {
      case 0: scalars.removeSubrange(at..<end)
      case 1: scalars.insert(contentsOf: pieces[random.next(pieces.count)].unicodeScalars, at: at)
      case 2: scalars.replaceSubrange(at..<end, with: pieces[random.next(pieces.count)].unicodeScalars)
      case 3: scalars.insert(contentsOf: scalars[at..<end], at: random.next(scalars.count + 1))
      default:
        let from = random.next(other.count + 1)
        scalars.insert(contentsOf: other[from..<min(other.count, from + random.next(60))], at: at)
      }
    }
    return Text.string(scalars)
  }

  @Test(
    "20,000 damaged templates end with a text or with a failure that names a line", arguments: [1, 2, 3, 4])
  func mutations(seed: UInt64) throws {
    let fixture = try Fixture.json("cases.json")
    var values = Fixture.values(fixture["values"])
    values.merge(Fixture.values(try Fixture.json("chat.json")["conversations"]?["two calls"])) { $1 }
    values.merge(["bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true]) { $1 }
    var sources = try Fixture.templates().sorted { $0.key < $1.key }.map(\.value)
    sources += (fixture["cases"]?.elements ?? []).compactMap { $0["source"]?.text }
    let scalars = sources.map { Array($0.unicodeScalars) }
    var random = Random(state: seed)
    var rendered = 0
    for _ in 0..<5000 {
      let (one, other) = (scalars[random.next(scalars.count)], scalars[random.next(scalars.count)])
      let source = Self.mutated(one, with: other, &random)
      switch Fixture.result(source, values) {
      case .success(let text):
        rendered += 1
        #expect(text.utf8.count <= Limits.output)
      case .failure(let failure):
        let lines = source.unicodeScalars.count { $0 == "\n" || $0 == "\r" } + 1
        #expect(1...lines ~= failure.line, "\(failure) of \(source.debugDescription)")
        #expect(!failure.reason.isEmpty)
      }
    }
    // Neither all whole nor all broken, or the test would test little.
    #expect(500...4500 ~= rendered)
  }
}
