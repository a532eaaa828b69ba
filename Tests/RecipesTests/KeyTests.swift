import Testing

@testable import Recipes

@Test("fields are camelCase in Swift and snake_case in a recipe")
func keys() {
  for (name, key) in [
    ("steps", "steps"), ("gradientNorm", "gradient_norm"), ("beta1", "beta1"),
    ("fp32Residual", "fp32_residual"),
    ("_0", "_0"),
  ] {
    #expect(RecipeKey.snake(name) == key)
    #expect(RecipeKey.camel(key) == name)
  }
  #expect(RecipeKey.snake("useRMSNorm") == "use_rms_norm")
}

@Test("the distance counts inserted, deleted, replaced and swapped letters")
func distances() {
  #expect(RecipeKey.distance("", "abc") == 3)
  #expect(RecipeKey.distance("layer", "layers") == 1)
  #expect(RecipeKey.distance("lyaers", "layers") == 1)
  #expect(RecipeKey.distance("kitten", "sitting") == 3)
  #expect(RecipeKey.nearest(to: "zzz", among: ["layers"]) == nil)
}
