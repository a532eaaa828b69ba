/// A piece of a template, with the line where it begins.
struct Token: Equatable {
  enum Kind: Equatable {
    case text(String)
    case outputBegin
    case outputEnd
    case blockBegin
    case blockEnd
    case name(String)
    case string(String)
    case integer(Int)
    case number(Double)
    case symbol(Symbol)
    /// Behind the last token.
    case end
  }

  enum Symbol: String, CaseIterable {
    case power = "**"
    case floorDivide = "//"
    case equal = "=="
    case notEqual = "!="
    case atMost = "<="
    case atLeast = ">="
    case less = "<"
    case greater = ">"
    case plus = "+"
    case minus = "-"
    case times = "*"
    case divide = "/"
    case remainder = "%"
    case tilde = "~"
    case assign = "="
    case dot = "."
    case comma = ","
    case colon = ":"
    case semicolon = ";"
    case pipe = "|"
    case openBracket = "["
    case closeBracket = "]"
    case openParenthesis = "("
    case closeParenthesis = ")"
    case openBrace = "{"
    case closeBrace = "}"
  }

  let kind: Kind
  let line: Int

  /// For messages.
  var description: String {
    switch kind {
    case .text: "text"
    case .outputBegin: "{{"
    case .outputEnd: "}}"
    case .blockBegin: "{%"
    case .blockEnd: "%}"
    case .name(let name): name
    case .string: "a string"
    case .integer, .number: "a number"
    case .symbol(let symbol): symbol.rawValue
    case .end: "the end of the template"
    }
  }
}
