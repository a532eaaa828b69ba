import Recipes

/// Runs that somebody measured, as overrides of one recipe, to hold predictions against.
package struct MeasuredRuns: Codable, Sendable, Equatable {
  package var runs: [Run] = []

  package init() {}

  package struct Run: RecipeSection, Sendable, Equatable {
    package var name = ""
    /// `path=value` each.
    package var set: [String] = []
    package var devices = 1
    /// TFLOP/s of a device by the convention that counts recomputing.
    package var tflops = 0.0

    package init() {}
  }

  package init(contentsOf path: String) throws(RecipeFailure) {
    self = try Recipe(contentsOf: path).resolve(MeasuredRuns.self, defaults: MeasuredRuns())
    try RecipeFailure.report(
      [runs.isEmpty ? "\(path): expected runs, a list of name, set, devices and tflops" : nil]
        + runs.map { run in
          run.tflops > 0 && run.devices > 0
            ? nil
            : "\(path): run \(run.name): tflops \(run.tflops) and devices \(run.devices) must be above 0"
        })
  }
}
