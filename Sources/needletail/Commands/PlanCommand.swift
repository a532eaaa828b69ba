import ArgumentParser
import Planning
import Telemetry

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "plan", abstract: "Predict a run on a cluster.")

  @OptionGroup var options: RecipeOptions
  @Option var cluster: String = ""
  @Option var against: String = ""
  @Flag var fit = false
  @Option var constants: String = "products,memory"

  @Flag var compareHere = false

  func run() throws {
    if compareHere {
      let c = try HereComparison(options.resolve(), progress: { Terminal.standardError.writeLine($0) })
      for l in c.lines { print(l.name, Brief.fixed(l.predictedSeconds*1e3,1), Brief.fixed(l.measuredSeconds*1e3,1), Brief.percent(l.timeError), Bytes(Int(l.predictedBytes)), Bytes(Int(l.measuredBytes)), Brief.percent(l.memoryError)) }
      return
    }
    let described = try Cluster(contentsOf: cluster)
    let calibration = try Calibration(
      MeasuredRuns(contentsOf: against), recipe: options.recipe, overrides: options.overrides, described)
    let lines = try fit ? calibration.fit(constants.split(separator: ",").compactMap { Calibration.Constant(rawValue: String($0)) }) : calibration.lines()
    for l in lines { print(l.name, l.measured, Brief.fixed(l.predicted, 1), Brief.percent(l.error), l.leftOutError.map(Brief.percent) ?? "") }
    let mean = lines.reduce(0) { $0 + abs($1.error) } / Double(lines.count)
    let lo = lines.reduce(0) { $0 + abs($1.leftOutError ?? 0) } / Double(lines.count)
    print("mean", Brief.percent(mean), Brief.percent(lo), calibration.cluster.efficiency)
  }
}
