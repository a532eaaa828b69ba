import JSON

/// Puts characters that nobody uses in place of special tokens' texts that clients wrote, so that a template can
/// carry them along and they can be told from the ones that the template wrote.
struct Disguise {
  private let finder: TextFinder
  /// Also replaces what could become a special token together with the text around it.
  private let coversOpenEnds: Bool
  private var characters: [[UInt8]: Unicode.Scalar] = [:]
  private var texts: [Unicode.Scalar: [UInt8]] = [:]
  private var taken: Set<Unicode.Scalar> = []
  private var nextCharacter = firstCharacter
  /// Whether a text ended or began with part of a special token.
  private(set) var sawOpenEnds = false

  /// Plane 15 is for private use: no text that means something to others has it.
  private static let firstCharacter: UInt32 = 0xF0000

  /// - Parameter taken: characters that the texts use themselves.
  init(_ finder: TextFinder, coversOpenEnds: Bool, taken: Set<Unicode.Scalar>) {
    self.finder = finder
    self.coversOpenEnds = coversOpenEnds
    self.taken = taken
  }

  /// The characters of `value`'s strings that a disguise could take for its own.
  static func privateCharacters(of value: JSONValue, into found: inout Set<Unicode.Scalar>) {
    switch value {
    case .string(let text): found.formUnion(text.unicodeScalars.lazy.filter { $0.value >= firstCharacter })
    case .array(let elements): for element in elements { privateCharacters(of: element, into: &found) }
    case .object(let members):
      for member in members {
        privateCharacters(of: .string(member.key), into: &found)
        privateCharacters(of: member.value, into: &found)
      }
    default: break
    }
  }

  /// `value` with all its strings disguised.
  mutating func hide(_ value: JSONValue) -> JSONValue {
    switch value {
    case .string(let text): return .string(hide(text))
    case .array(let elements): return .array(elements.map { hide($0) })
    case .object(let members):
      return .object(members.map { JSONMember(hide($0.key), hide($0.value)) })
    default: return value
    }
  }

  mutating func hide(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var ranges = finder.ranges(in: bytes)
    // Templates trim, so white space does not keep texts apart.
    let start = bytes.firstIndex { !Self.isSpace($0) } ?? bytes.endIndex
    let end = (bytes.lastIndex { !Self.isSpace($0) } ?? -1) + 1
    let from = max(start, ranges.last?.upperBound ?? 0)
    if from < end, let open = finder.openEnd(of: bytes[from..<end]) {
      sawOpenEnds = true
      if coversOpenEnds { ranges.append(open) }
    }
    let until = min(end, ranges.first?.lowerBound ?? end)
    if start < until, let open = finder.openStart(of: bytes[start..<until]) {
      sawOpenEnds = true
      if coversOpenEnds { ranges.insert(open, at: 0) }
    }
    if ranges.isEmpty { return text }
    var result: [UInt8] = []
    var position = 0
    for range in ranges {
      result += bytes[position..<range.lowerBound]
      result += Array(String(Character(character(for: Array(bytes[range])))).utf8)
      position = range.upperBound
    }
    return String(decoding: result + bytes[position...], as: UTF8.self)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private mutating func character(for text: [UInt8]) -> Unicode.Scalar {
    if let character = characters[text] { return character }
    while true {
      guard let character = Unicode.Scalar(nextCharacter) else { preconditionFailure("no character is left") }
      nextCharacter += 1
      if taken.contains(character) { continue }
      characters[text] = character
      texts[character] = text
      return character
    }
  }

  /// A piece of a prompt: as the template wrote it, or special tokens' texts that a client wrote.
  enum Piece: Equatable {
    case template([UInt8])
    case plain([UInt8])
  }

  /// `text` as pieces, the disguises taken off.
  func pieces(of text: String) -> [Piece] {
    if texts.isEmpty { return [.template(Array(text.utf8))] }
    var pieces: [Piece] = []
    var template: [UInt8] = []
    var plain: [UInt8] = []
    for scalar in text.unicodeScalars {
      if let hidden = texts[scalar] {
        if !template.isEmpty { pieces.append(.template(template)) }
        template = []
        plain += hidden
      } else {
        if !plain.isEmpty { pieces.append(.plain(plain)) }
        plain = []
        template.append(contentsOf: UTF8.encode(scalar)?.map(\.self) ?? [])
      }
    }
    if !template.isEmpty { pieces.append(.template(template)) }
    if !plain.isEmpty { pieces.append(.plain(plain)) }
    return pieces
  }
}
