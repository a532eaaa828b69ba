/// A chat template, read once and rendered any number of times: the part of Jinja that such templates use.
///
/// Text comes out as from transformers' environment, white space included: `trim_blocks`, `lstrip_blocks`, no
/// escaping, the default undefined, an immutable sandbox, its `tojson` and `raise_exception`. A template sees
/// the values that it is given and nothing else, and `Limits` bounds what it takes. What Python gives and
/// this does not, such as integers beyond 64 bits, is a failure and not another text.
package struct Template: Sendable {
  private let body: [Statement]

  package init(_ source: String) throws(TemplateFailure) {
    body = try Parser.statements(of: source)
  }

  /// - Parameter date: what `strftime_now` writes; a template that asks for it without one fails.
  package func render(
    _ values: [String: TemplateValue], at date: TemplateDate? = nil
  ) throws(TemplateFailure) -> String {
    try Interpreter.text(of: body, values, at: date)
  }
}
