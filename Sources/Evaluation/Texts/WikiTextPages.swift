/// The articles of a file of WikiText: each begins with a title, a line ` = Title = `, as the documents of lm-eval's
/// `wikitext` were cut (EleutherAI/wikitext_document_level).
enum WikiTextPages {
  static func split(_ text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    var pages: [[Unicode.Scalar]] = []
    // Where the page begins, and the line.
    var page = 0
    var line = 0
    for end in text.indices.filter({ text[$0] == "\n" }) + [text.count] {
      if isTitle(text[line..<end]), line > page {
        // Lines are joined again: the line feed before a title belongs to no page.
        let before = text[page..<line - 1]
        if !before.stripped.isEmpty { pages.append(Array(before)) }
        page = line
      }
      line = end + 1
    }
    pages.append(Array(text[min(page, text.count)...]))
    return pages
  }

  /// A heading of the first level, which lower ones, ` = = Section = = `, are not.
  private static func isTitle(_ line: ArraySlice<Unicode.Scalar>) -> Bool {
    guard line.contains("=") else { return false }
    let closed = Array(line).replacing("= = =", "===").replacing("= =", "==").stripped
    return closed.starts(with: "= ".unicodeScalars) && closed.suffix(2).elementsEqual(" =".unicodeScalars)
  }
}
