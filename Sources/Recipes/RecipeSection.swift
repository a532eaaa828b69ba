/// A configuration that can fill itself in where no surrounding default does: an element of a list, or
/// a section that is nil by default.
///
/// Keys a recipe leaves out take their values from `init()`. Sections that the run's defaults hold need
/// no conformance.
package protocol RecipeSection: Codable {
  init()
}

/// Marks dictionaries, whose keys are the user's words and not the program's names.
protocol KeyedByUser {}
extension Dictionary: KeyedByUser where Key == String {}
