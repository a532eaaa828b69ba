/// The names of fields: `camelCase` in Swift, `snake_case` in a recipe.
package enum RecipeKey {
  /// `gradientNorm` → `gradient_norm`, `useRMSNorm` → `use_rms_norm`, `beta1` → `beta1`.
  package static func snake(_ name: String) -> String {
    let characters = Array(name)
    var result = ""
    for (index, character) in characters.enumerated() {
      if character.isUppercase, index > 0, characters[index - 1] != "_" {
        let next = index + 1 < characters.count ? characters[index + 1] : "A"
        if !characters[index - 1].isUppercase || next.isLowercase { result.append("_") }
      }
      result += character.lowercased()
    }
    return result
  }

  /// `gradient_norm` → `gradientNorm`: the inverse for names without runs of capitals.
  static func camel(_ key: String) -> String {
    var result = ""
    var afterUnderscore = false
    for character in key {
      if character == "_", !result.isEmpty {
        afterUnderscore = true
      } else {
        result += afterUnderscore ? character.uppercased() : String(character)
        afterUnderscore = false
      }
    }
    return result
  }

  /// The candidate nearest to `word`, if it is near enough to be meant: a third of its letters.
  static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let limit = max(1, word.count / 3)
    return
      candidates.map { (name: $0, distance: distance(word, $0)) }
      .filter { $0.distance <= limit || $0.name.hasPrefix(word) && word.count >= 3 }
      .min { $0.distance < $1.distance }?.name
  }

  /// Edits that turn one word into the other: insert, delete, replace, swap neighbours
  /// (Damerau–Levenshtein, optimal string alignment).
  static func distance(_ first: String, _ second: String) -> Int {
    let a = Array(first)
    let b = Array(second)
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      row.reserveCapacity(b.count + 1)
      for j in b.indices {
        var edits = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          edits = min(edits, beforeLast[j - 1] + 1)
        }
        row.append(edits)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
