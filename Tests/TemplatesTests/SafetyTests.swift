import Foundation
import Testing

@testable import Templates

@Suite("Templates from strangers")
struct SafetyTests {
  #if DEBUG
    private static let stack = 2 << 20
  #else
    private static let stack = 512 << 10
  #endif

  /// Runs on a thread with as little stack as any that a service may use.
  private static func onSmallStack(_ body: @escaping @Sendable () -> Void) {
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      body()
      done.signal()
    }
    thread.stackSize = stack
    thread.start()
    done.wait()
  }

  private static func reason(_ source: String, _ values: [String: TemplateValue] = [:]) -> String {
    switch Fixture.result(source, values) {
    case .success(let text): "rendered \(text.prefix(100))"
    case .failure(let failure): failure.reason
    }
  }

  private static func nested(_ open: String, _ middle: String, _ close: String, _ count: Int) -> String {
    String(repeating: open, count: count) + middle + String(repeating: close, count: count)
  }

  @Test(
    "a hundred thousand of anything inside one another are refused",
    arguments: [
      ("{{ ", "(", "1", ")", " }}"), ("{{ ", "[", "1", "]", " }}"), ("{{ ", "{1: ", "1", "}", " }}"),
      ("{{ ", "not ", "1", "", " }}"), ("{{ ", "-", "1", "", " }}"), ("{{ ", "a[", "1", "]", " }}"),
      ("{{ ", "f(", "1", ")", " }}"), ("{{ x", "|default(x", "", ")", " }}"),
      ("{{ ", "1 if 1 else ", "1", "", " }}"),
      ("", "{% if 1 %}", "", "{% endif %}", ""), ("", "{% for x in y %}", "", "{% endfor %}", ""),
      ("", "{% set x %}", "", "{% endset %}", ""), ("{% for ", "(", "x", ")", " in y %}{% endfor %}"),
      ("{{ x is eq ", "(x is eq ", "1", ")", " }}"),
    ])
  func nesting(parts: (before: String, open: String, middle: String, close: String, after: String)) {
    Self.onSmallStack {
      let count = min(100_000, (Limits.source - 100) / (parts.open + parts.close).utf8.count)
      let source = parts.before + Self.nested(parts.open, parts.middle, parts.close, count) + parts.after
      #expect(Self.reason(source).contains("inside one another"))
    }
  }

  @Test(
    "a hundred thousand operations on one another are refused",
    arguments: ["1 + 1", "1 * 1", "1 or 1", "1 and 1", "1 ** 1", "a.a", "a|trim", "a[0]", "a()"])
  func chains(pattern: String) {
    Self.onSmallStack {
      let links = String(repeating: String(pattern.dropFirst()), count: 100_000)
      #expect(Self.reason("{{ \(pattern.prefix(1))\(links) }}").contains("operations on one another"))
    }
  }

  @Test(
    "operands of one operation may be as many as there are steps", arguments: ["a ~ a", "0 == 0", "1, 1"])
  func operands(pattern: String) {
    Self.onSmallStack {
      let links = String(repeating: String(pattern.dropFirst()), count: 50_000)
      #expect(Self.reason("{{ \(pattern.prefix(1))\(links) }}", ["a": "x"]).hasPrefix("rendered"))
    }
  }

  @Test("the deepest template that is read renders on 512 KiB of stack")
  func deepest() throws {
    Self.onSmallStack {
      let brackets = Limits.nesting - 3
      #expect(Self.reason("{{ \(Self.nested("(", "1", ")", brackets)) }}") == "rendered 1")
      #expect(
        Self.reason("{{ \(Self.nested("(", "1", ")", Limits.nesting)) }}").contains("inside one another"))
      let sum = "1" + String(repeating: " + 1", count: Limits.height - 1)
      #expect(Self.reason("{{ \(sum) }}") == "rendered \(Limits.height)")
      #expect(Self.reason("{{ \(sum) + 1 }}").contains("operations on one another"))
      let blocks = Self.nested("{% if true %}", "x", "{% endif %}", Limits.nesting - 2)
      #expect(Self.reason(blocks) == "rendered x")
      var deep = TemplateValue.list([])
      for _ in 0..<Limits.valueDepth - 3 { deep = .list([deep]) }
      let last = "{{ (deep | tojson | length) == (deep | string | length) }}{{ deep == [deep][0] }}"
      let calls =
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{% else %}\(last){% endif %}{% endmacro %}{{ m(96) }}"
      #expect(Self.reason(calls, ["deep": deep]) == "rendered TrueTrue")
      let macro = "{% macro m(n) %}{{ m([n, 1][0]|int) }}{% endmacro %}{{ m(1) }}"
      #expect(Self.reason(macro).contains("are inside one another"))
    }
  }

  @Test("a template ends after a million steps, whatever it does")
  func steps() {
    let many = "{% for a in range(100000) %}"
    for source in [
      "\(many)\(many)x{% endfor %}{% endfor %}",
      "\(many)\(many){% endfor %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}\(many){% set ns.x = ns.x + ns.x %}{% endfor %}",
      "\(many){{ range(100000) | list | length }}{% endfor %}",
      "\(many){{ text | upper | length }}{% endfor %}",
      "\(many){{ text == text ~ 'x' }}{{ 'aab' in text }}{% endfor %}",
      "\(many){% for b in range(100000) if b < 0 %}{% endfor %}{% endfor %}",
      "\(many){{ list | sort | unique | list | tojson | length }}{% endfor %}",
      "{{ [0] * 100000000 }}", "{{ [0] * 9223372036854775807 }}", "{{ [[0] * 1000] * 1000000 }}",
    ] {
      let list = TemplateValue.list((0..<1000).map { .integer($0) })
      let reason = Self.reason(
        source, ["text": .string(String(repeating: "a", count: 1 << 20)), "list": list])
      #expect(reason.contains("more than 1000000 steps"), "\(source): \(reason)")
    }
  }

  @Test("a text of more than 8 MiB is refused before it is made")
  func output() {
    let text = TemplateValue.string(String(repeating: "ab", count: 1 << 20))
    for source in [
      "{% for a in range(10) %}{{ text }}{% endfor %}", "{{ text ~ text ~ text ~ text ~ text }}",
      "{{ text * 5 }}",
      "{{ 'a' * 9223372036854775807 }}", "{{ text | replace('a', 'xxxxxxxxxxxxx') }}",
      "{{ text | replace('', 'xxxx') }}", "{{ [text] * 5 }}", "{{ ([text] * 5) | join }}",
      "{{ text.join('abcdefg') }}",
      "{{ ([text] * 5) | tojson }}", "{{ 'a' | indent(9223372036854775807, true) }}",
      "{{ [1] | tojson(indent=9223372036854775807) }}", "{{ ('\\n' * 100000) | indent(100, blank=true) }}",
      "{% macro m() %}{{ text }}{{ text }}{{ text }}{% endmacro %}{{ m() + m() }}",
      "{% set x %}{% for a in range(10) %}{{ text }}{% endfor %}{% endset %}",
    ] {
      let reason = Self.reason(source, ["text": text])
      #expect(reason.contains("got a text of"), "\(source): \(reason)")
    }
  }

  @Test("values do not grow deep in one another, and namespaces may hold themselves")
  func depth() {
    let grow = "{% set ns = namespace(x=1) %}{% for i in range(1000) %}"
    for step in [
      "{% set ns.x = [ns.x] %}", "{% set ns.x = {'a': ns.x} %}", "{% set ns.x = (ns.x,) %}",
      "{% for j in [ns.x] %}{% set ns.x = loop %}{% endfor %}", "{% set ns.x = [ns.x] | map('list') %}",
      "{% set ns.x = {'a': ns.x}.items() %}",
    ] {
      let reason = Self.reason(grow + step + "{% endfor %}")
      #expect(reason.contains("deep in one another") || step.contains("map"), "\(step): \(reason)")
    }
    #expect(Self.reason("{% set n = namespace() %}{% set n.n = [n] %}{{ n }}").contains("too deep"))
    var deep = TemplateValue.list([])
    for _ in 0..<200 { deep = .list([deep]) }
    #expect(Self.reason("x", ["deep": deep]).contains("deep in one another"))
  }

  @Test("integers beyond 64 bits are failures, and no trap")
  func integers() {
    let largest = "9223372036854775807"
    for expression in [
      "\(largest) + 1", "-\(largest) - 2", "\(largest) * 2", "2 ** 63", "10 ** 100000000", "3 ** \(largest)",
      "(-\(largest) - 1) // -1", "-(-\(largest) - 1)", "9223372036854775808", "(-\(largest) - 1) | abs",
      "1e300 | int", "'99999999999999999999' | int", "[\(largest), 1] | sum",
    ] { #expect(Self.reason("{{ \(expression) }}").contains("64 bits"), "\(expression)") }
    #expect(
      Self.reason("{{ (-\(largest) - 1) % -1 }}{{ (-1) ** \(largest) }}{{ 1 ** \(largest) }}")
        == "rendered 0-11")
    #expect(
      Self.reason("{{ 'abc'[-\(largest) - 1:] }}{{ 'abc'[\(largest)] }}{{ [1][::-\(largest) - 1] }}")
        == "rendered abc[1]")
    #expect(Self.reason("{{ range(-\(largest), \(largest)) }}").contains("more than 100000"))
    #expect(
      Self.reason(
        "{{ range(0, \(largest), \(largest)) | list }}{{ range(-\(largest) - 1, 0, \(largest)) | length }}")
        == "rendered [0]2")
  }

  @Test("searching and splitting takes time in proportion to the text")
  func linear() {
    let text = TemplateValue.string(String(repeating: "a", count: 1 << 20))
    let sought = TemplateValue.string(String(repeating: "a", count: 1 << 19) + "b")
    let source = """
      {{ b in a }}{{ a.split(b) | length }}{{ a.find(b) }}{{ a.rfind(b) -}}
      {{ a.replace(b, '') | length }}{{ a.strip('a') }}
      """
    #expect(Self.reason(source, ["a": text, "b": sought]) == "rendered False1-1-11048576")
  }

  @Test("there is nothing behind a value but its elements and methods")
  func sandbox() {
    for source in [
      "{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ {}.update({}) }}", "{{ [].sort() }}",
      "{{ self.x }}", "{{ range.__globals__.x }}", "{% include 'x' %}", "{% import 'x' as y %}",
      "{% extends 'x' %}", "{{ lipsum() }}", "{{ cycler.x }}", "{{ namespace.__init__.x }}",
      "{% set ns = namespace(__class__=1) %}", "{{ loop.x }}", "{{ (''|attr('x')).y }}",
    ] { #expect(!Self.reason(source, ["messages": [1]]).hasPrefix("rendered"), "\(source)") }
  }

  @Test(
    "failures say in one sentence what is wrong, and on which line",
    arguments: [
      ("a\n{% if x %}\nb\n", "line 3: the block that begins on line 2 is not closed with endif"),
      ("\n{{ x", "line 2: the tag is not closed with }}"),
      ("{{ 'x }}", "line 1: the string is not closed"),
      ("{{ (1] }}", "line 1: got ], expected ) here"),
      ("{% for x of y %}", "line 1: got of, expected in"),
      ("{{ x.y.z }}", "line 1: 'x' is undefined"),
      ("{% set m = {} %}\n{{ m.y + 1 }}", "line 2: a value of type dict has no attribute 'y'"),
      ("{{ 1 | nosuch }}", "line 1: the filter nosuch is not known here"),
      ("{{ 'a'.encode() }}", "line 1: the method encode of strings is not supported"),
      ("{% include 'x' %}", "line 1: the statement include is not supported; chat templates do without"),
      ("\n\n{{ raise_exception('No: ' ~ 1) }}", "line 3: No: 1"),
    ])
  func messages(source: String, expected: String) {
    guard case .failure(let failure) = Fixture.result(source) else {
      Issue.record("rendered \(source)")
      return
    }
    #expect("\(failure)" == "template, \(expected)")
  }
}
