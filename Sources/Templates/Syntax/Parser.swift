/// Reads a template's tokens as statements. The grammar is Jinja's own, branch for branch, so that what binds
/// closer there binds closer here.
struct Parser {
  private let tokens: [Token]
  private var position = 0
  /// Brackets and blocks around the current token.
  private var nesting = 0
  /// Whether `break` and `continue` have a loop to act on.
  var isInLoop = false

  static func statements(of template: String) throws(TemplateFailure) -> [Statement] {
    var parser = Parser(tokens: try Lexer.tokens(of: template))
    return try parser.body(until: [])
  }

  private init(tokens: [Token]) {
    self.tokens = tokens + [Token(kind: .end, line: tokens.last?.line ?? 1)]
  }

  // MARK: Tokens

  var current: Token { tokens[position] }
  var next: Token { tokens[min(position + 1, tokens.count - 1)] }

  mutating func skip() { position = min(position + 1, tokens.count - 1) }

  func isAt(_ symbol: Token.Symbol) -> Bool { current.kind == .symbol(symbol) }

  func isAt(word: String) -> Bool { current.kind == .name(word) }

  mutating func take(_ symbol: Token.Symbol) -> Bool {
    guard isAt(symbol) else { return false }
    skip()
    return true
  }

  mutating func take(word: String) -> Bool {
    guard isAt(word: word) else { return false }
    skip()
    return true
  }

  mutating func expect(_ symbol: Token.Symbol) throws(TemplateFailure) {
    guard take(symbol) else { throw unexpected(symbol.rawValue) }
  }

  mutating func expect(word: String) throws(TemplateFailure) {
    guard take(word: word) else { throw unexpected(word) }
  }

  mutating func expectName() throws(TemplateFailure) -> String {
    guard case .name(let name) = current.kind else { throw unexpected("a name") }
    skip()
    return name
  }

  func failure(_ reason: String, line: Int? = nil) -> TemplateFailure {
    TemplateFailure(line: line ?? current.line, reason)
  }

  func unexpected(_ expected: String) -> TemplateFailure {
    failure("got \(current.description), expected \(expected)")
  }

  // MARK: Bounds

  mutating func enter() throws(TemplateFailure) {
    nesting += 1
    guard nesting <= Limits.nesting else {
      throw failure("more than \(Limits.nesting) brackets and blocks stand inside one another")
    }
  }

  mutating func leave() { nesting -= 1 }

  func node(_ kind: Expression.Kind, line: Int, over parts: [Expression]) throws(TemplateFailure)
    -> Expression
  {
    let height = parts.reduce(0) { max($0, $1.height) } + 1
    guard height <= Limits.height else {
      throw failure("an expression has more than \(Limits.height) operations on one another", line: line)
    }
    return Expression(kind: kind, line: line, height: height)
  }

  func literal(_ value: TemplateValue, line: Int) -> Expression {
    Expression(kind: .literal(value), line: line, height: 1)
  }

  // MARK: Bodies

  /// Statements up to a block tag of one of these names, which is taken up to its name; without names, up to
  /// the end of the template.
  mutating func body(until ends: [String]) throws(TemplateFailure) -> [Statement] {
    try enter()
    defer { leave() }
    // Of the tag before: behind it, a line may have gone.
    let start = position > 0 ? tokens[position - 1].line : 1
    var statements: [Statement] = []
    while true {
      switch current.kind {
      case .text(let text):
        skip()
        statements.append(.text(text))
      case .outputBegin:
        skip()
        statements.append(.output(try tuple()))
        guard current.kind == .outputEnd else { throw unexpected("}}") }
        skip()
      case .blockBegin:
        skip()
        if case .name(let name) = current.kind, ends.contains(name) { return statements }
        statements.append(try statement())
        try endOfBlock()
      case .end where ends.isEmpty: return statements
      default:
        throw failure("the block that begins on line \(start) is not closed with \(ends.last ?? "its end")")
      }
    }
  }

  /// A body, its closing tag up to `%}`.
  mutating func body(closedBy end: String) throws(TemplateFailure) -> [Statement] {
    try endOfBlock()
    let statements = try body(until: [end])
    skip()
    return statements
  }

  mutating func endOfBlock() throws(TemplateFailure) {
    guard current.kind == .blockEnd else { throw unexpected("%}") }
    skip()
  }
}
