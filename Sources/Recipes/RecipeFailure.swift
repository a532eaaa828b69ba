/// What is wrong with a recipe: every problem found, one sentence each.
package struct RecipeFailure: Error, CustomStringConvertible, Equatable {
  package let sentences: [String]

  package init(_ sentence: String) { sentences = [sentence] }

  /// Throws when any rule across sections had something to say.
  ///
  /// A rule is a function of the whole configuration that returns nil when it holds, or one sentence
  /// naming the fields, what was got and what would work.
  package static func report(_ problems: [String?]) throws(RecipeFailure) {
    let sentences = problems.compactMap(\.self)
    if !sentences.isEmpty { throw RecipeFailure(sentences: sentences) }
  }

  init(sentences: [String]) { self.sentences = sentences }

  package var description: String { sentences.joined(separator: "\n") }
}

/// The problems found while one recipe is decoded, each once, in the order found.
final class RecipeProblems {
  private(set) var sentences: [String] = []
  /// Every path the program's defaults have: candidates for "did you mean".
  let knownPaths: [String]

  init(knownPaths: [String]) { self.knownPaths = knownPaths }

  func record(_ failure: RecipeFailure) {
    for sentence in failure.sentences where !sentences.contains(sentence) { sentences.append(sentence) }
  }
}
