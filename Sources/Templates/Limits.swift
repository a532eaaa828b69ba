/// What a template may take. Templates come with models, from strangers: whatever one holds, reading and
/// rendering end, and soon.
enum Limits {
  /// The bytes of a template. The longest in use have some 20 KB.
  static let source = 1 << 20
  /// Nodes evaluated, with a step more for every 64 bytes and every 4 elements that one of them handles.
  static let steps = 1_000_000
  /// The bytes of a rendered text, and of any string on the way.
  static let output = 8 << 20
  /// Brackets and blocks inside one another. Python gives up at about as many.
  static let nesting = 80
  /// The height of an expression's tree: `a + b + c + …` is as high as it is long. Python's limit too.
  static let height = 200
  /// Nodes evaluated inside one another, through the calls of macros. 512 KiB of stack hold as many.
  static let depth = 300
  /// The characters of a name, and the arguments of a call.
  static let name = 250
  static let arguments = 250
  /// Lists in lists, of values given or made.
  static let valueDepth = 100
  /// The elements of a `range`; Jinja's sandbox has the same.
  static let range = 100_000
}
