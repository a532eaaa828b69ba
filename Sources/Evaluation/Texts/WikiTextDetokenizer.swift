/// Undoes what WikiText's tokenizer did to the articles: the steps of Megatron-LM (tasks/zeroshot_gpt), which lm-eval
/// has too, in their order and with their bugs, since both publish figures made with them.
enum WikiTextDetokenizer {
  static func detokenize(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var text = markingDigits(in: text.replacing("s '", "s'"))
    for (old, new) in [
      // Separators in numbers and words.
      (" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", "."),
      // Punctuation.
      (" : ", ": "), (" ; ", "; "), (" . ", ". "), (" ! ", "! "), (" ? ", "? "), (" , ", ", "),
    ] {
      text = text.replacing(old, new)
    }
    let pairs: [(Unicode.Scalar, Unicode.Scalar)] = [
      ("(", ")"), ("[", "]"), ("{", "}"), ("\"", "\""), ("'", "'"),
    ]
    for (open, close) in pairs {
      text = tightened(text, open, close)
    }
    for (old, new) in [
      ("= = = =", "===="), ("= = =", "==="), ("= =", "=="), (" \u{B0} ", "\u{B0}"), (" \n", "\n"),
      ("\n ", "\n"),
      (" N ", " 1 "), (" 's", "'s"),
    ] {
      text = text.replacing(old, new)
    }
    return text
  }

  /// `re.sub(r"/' [0-9]/", r"/'[0-9]/", text)`: meant to close up years ('99), but the slashes are taken for text, and
  /// so is the replacement.
  private static func markingDigits(in text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    let start = Array("/' ".unicodeScalars), mark = "/'[0-9]/".unicodeScalars
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    var rest = text[...]
    while let scalar = rest.first {
      let found = rest.prefix(5)
      if scalar == "/", found.starts(with: start), found.count == 5, found.last == "/",
        ("0"..."9").contains(found[found.startIndex + 3])
      {
        result += mark
        rest = rest.dropFirst(5)
      } else {
        result.append(scalar)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// `re.sub(r"\(\s*([^\)]*?)\s*\)", r"(\1)", text)`: from an opening mark to the next closing one, without the space
  /// inside at both ends.
  private static func tightened(_ text: [Unicode.Scalar], _ open: Unicode.Scalar, _ close: Unicode.Scalar)
    -> [Unicode.Scalar]
  {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    var rest = text[...]
    while let start = rest.firstIndex(of: open),
      let end = rest[(start + 1)...].firstIndex(of: close)
    {
      result += rest[...start]
      result += rest[(start + 1)..<end].stripped
      result.append(close)
      rest = rest[(end + 1)...]
    }
    return result + rest
  }
}
