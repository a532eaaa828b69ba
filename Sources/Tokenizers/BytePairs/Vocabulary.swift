/// The bytes of every token by id, and the id of every byte string that is a token.
struct Vocabulary: Sendable {
  /// One more than the largest id.
  let count: Int
  private let table: ByteTable
  /// By id: the number of its bytes in `table`, or -1 for an id without a token.
  private let numbers: [Int32]
  /// By number in `table`: the id.
  private let ids: [Int32]

  /// The most ids a vocabulary may span; a file that names a larger id is damaged.
  static let mostIds = 1 << 24

  /// - Parameter tokens: bytes and ids; of equal bytes, the first id is what encoding gives.
  init(_ tokens: [(bytes: [UInt8], id: Int)], source: String) throws(TokenizerFailure) {
    var largest = -1
    for token in tokens {
      guard token.id >= 0, token.id < Self.mostIds else {
        throw TokenizerFailure(
          source, "got token id \(token.id), expected one from 0 to \(Self.mostIds - 1); the file is damaged")
      }
      largest = max(largest, token.id)
    }
    var table = ByteTable(expecting: tokens.count)
    var numbers = [Int32](repeating: -1, count: largest + 1)
    var ids: [Int32] = []
    for token in tokens {
      guard numbers[token.id] < 0 else {
        throw TokenizerFailure(
          source, "got two tokens with id \(token.id), expected each id once; the file is damaged")
      }
      let (number, isNew) = table.add(token.bytes)
      numbers[token.id] = Int32(number)
      if isNew { ids.append(Int32(token.id)) }
    }
    self.count = largest + 1
    self.table = table
    self.numbers = numbers
    self.ids = ids
  }

  /// How many ids have a token.
  var tokenCount: Int { numbers.reduce(0) { $0 + ($1 < 0 ? 0 : 1) } }

  func bytes(of id: Int32) -> [UInt8]? {
    guard id >= 0, id < count, numbers[Int(id)] >= 0 else { return nil }
    return table[Int(numbers[Int(id)])]
  }

  func id(of text: Span<UInt8>, in range: Range<Int>) -> Int32? {
    table.number(of: text, in: range).map { ids[$0] }
  }

  func id(of bytes: [UInt8]) -> Int32? { table.number(of: bytes).map { ids[$0] } }
}
