import Testing

@testable import Evaluation

@Suite struct TextTests {
  let golden: Golden
  init() throws { golden = try Golden.load() }

  private func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  @Test("the detokeniser writes what lm-eval's, which is Megatron-LM's, writes")
  func detokenizer() {
    #expect(golden.detokenized.count > 100)
    for pair in golden.detokenized {
      let ours = text(WikiTextDetokenizer.detokenize(scalars(pair[0])))
      #expect(Array(ours.utf8) == Array(pair[1].utf8), "\(pair[0].debugDescription)")
    }
  }

  @Test("words and original tokens are counted as Python counts them")
  func counts() {
    for word in golden.words { #expect(scalars(word.text).spaceRuns + 1 == word.count) }
    for original in golden.originals {
      #expect(scalars(original.text).stripped.count { $0 == " " } + 1 == original.count)
    }
  }

  @Test("a file of WikiText is cut at its titles")
  func pages() {
    for wanted in golden.pages {
      #expect(WikiTextPages.split(scalars(wanted.text)).map { text($0) } == wanted.pages)
    }
  }
}
