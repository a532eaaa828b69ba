/// A node that has a value.
struct Expression: Sendable {
  let kind: Kind
  let line: Int
  /// Of the tree below and with this node.
  let height: Int

  indirect enum Kind: Sendable {
    case literal(TemplateValue)
    case name(String)
    case list([Expression])
    case tuple([Expression])
    case mapping([(key: Expression, value: Expression)])
    case attribute(Expression, String)
    case element(Expression, Expression)
    case slice(Expression, Slice)
    case call(Expression, Arguments)
    case filter(Expression, String, Arguments)
    case test(Expression, String, Arguments)
    case not(Expression)
    case sign(Expression, isMinus: Bool)
    case arithmetic(Expression, Arithmetic, Expression)
    case concatenation([Expression])
    case comparison(Expression, [(Comparison, Expression)])
    case and(Expression, Expression)
    case or(Expression, Expression)
    /// `then if condition else otherwise`.
    case conditional(Expression, then: Expression, otherwise: Expression?)
    /// The text of a `set` block, to which its filters apply.
    case captured
  }

  struct Slice: Sendable {
    let start: Expression?
    let stop: Expression?
    let step: Expression?
  }

  struct Arguments: Sendable {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []

    var all: [Expression] { positional + named.map(\.value) }
  }

  enum Arithmetic: String { case add, subtract, multiply, divide, floorDivide, remainder, power }
  enum Comparison { case equal, notEqual, less, atMost, greater, atLeast, `in`, notIn }
}

/// A node that does something.
enum Statement: Sendable {
  case text(String)
  case output(Expression)
  case set(Target, Expression)
  /// Renders the body, then sets the target to the expression over `captured`.
  case capture(Target, Expression, [Statement])
  case branch([Branch], otherwise: [Statement])
  case loop(Loop)
  case macro(Macro)
  /// transformers' mark of what the assistant says: its body, with names of its own.
  case generation([Statement])
  case `break`
  case `continue`

  /// What is assigned to.
  indirect enum Target: Sendable {
    case name(String)
    case attribute(of: String, String, line: Int)
    case tuple([Target], line: Int)
  }

  struct Branch: Sendable {
    let condition: Expression
    let body: [Statement]
  }

  struct Loop: Sendable {
    let target: Target
    let sequence: Expression
    let condition: Expression?
    let body: [Statement]
    let otherwise: [Statement]
  }

  struct Macro: Sendable {
    let name: String
    let parameters: [(name: String, standard: Expression?)]
    let body: [Statement]
  }
}
