import ArgumentParser
import Recipes
import Training

/// What a recipe and its overrides come to.
struct RecipeOptions: ParsableArguments {
  @Argument(help: "The recipe, a YAML or JSON file.", completion: .file(extensions: ["yaml", "json"]))
  var recipe: String

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Overrides one value, as in --set training.steps=100. May be repeated.", valueName: "path=value"))
  var overrides: [String] = []

  func resolve() throws -> RunConfig {
    try Recipe(contentsOf: recipe, overrides: overrides).resolve(RunConfig.self, defaults: RunConfig())
  }
}

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Print a recipe with all its defaults and overrides resolved, and check it.",
    discussion: """
      needletail config Recipes/nemotron4-15b.yaml --set training.steps=10
      """)

  @OptionGroup var options: RecipeOptions

  func run() throws {
    let config = try options.resolve()
    print(try Recipe.yaml(of: config), terminator: "")
    try config.validate()
  }
}
