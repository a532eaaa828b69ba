import ArgumentParser
import Files
import Planning
import Recipes
import Telemetry
import Tensors
import Training

/// What `needletail plan` does to be believed: published runs and this machine beside the predictions.
enum PlanChecks {
  static func measure(into path: String) throws {
    let terminal = Terminal.standardError
    // Before the minute that it takes: where nothing can be written, nothing is measured.
    let file = try AtomicFile(path)
    var measurement = MachineMeasurement(devices: Device.processorCount)
    for round in 1...3 {
      terminal.writeLine("measuring this machine, \(round) of 3")
      try measurement.measure()
    }
    try file.write(Array(Recipe.yaml(of: measurement.cluster).utf8))
    try file.commit()
    print("\(path): \(measurement.cluster.name)")
  }

  private struct PublishedReport: Encodable {
    struct Row: Encodable {
      let name: String
      let measuredTflops: Double
      let predictedTflops: Double
      let error: Double
      let leftOutError: Double?
    }
    let runs: [Row]
    let meanError: Double
    let largestError: Double
    let leftOutMeanError: Double?
    let efficiency: Cluster.Efficiency
  }

  static func compare(
    _ path: String, recipe: String, overrides: [String], _ cluster: Cluster, fit: String?, json: Bool
  ) throws {
    let runs = try MeasuredRuns(contentsOf: path)
    let calibration = try Calibration(runs, recipe: recipe, overrides: overrides, cluster)
    let lines = try fit.map { try calibration.fit(constants($0)) } ?? calibration.lines()
    let mean = { (errors: [Double]) in errors.reduce(0) { $0 + abs($1) } / Double(max(1, errors.count)) }
    let errors = lines.map(\.error), leftOut = lines.compactMap(\.leftOutError)
    let report = PublishedReport(
      runs: lines.map {
        PublishedReport.Row(
          name: $0.name, measuredTflops: $0.measured, predictedTflops: $0.predicted, error: $0.error,
          leftOutError: $0.leftOutError)
      }, meanError: mean(errors), largestError: errors.map(abs).max() ?? 0,
      leftOutMeanError: leftOut.isEmpty ? nil : mean(leftOut), efficiency: calibration.cluster.efficiency)
    if json { return print(try PlanReport.json(of: report)) }
    var table = Table(
      ["run", "measured", "predicted", "off by"] + (leftOut.isEmpty ? [] : ["off by, fitted to the others"]))
    for line in lines {
      table.append(
        row: [
          line.name, Brief.fixed(line.measured, 1), Brief.fixed(line.predicted, 1), Brief.percent(line.error),
        ] + (line.leftOutError.map { [Brief.percent($0)] } ?? []))
    }
    print("TFLOP/s a device; \(WorkCount.hardwareConvention)\n\n\(table)\n")
    print(
      "off by \(Brief.percent(report.meanError)) in the mean, \(Brief.percent(report.largestError)) at most"
        + (report.leftOutMeanError.map { ", \(Brief.percent($0)) in the mean of runs left out" } ?? ""))
    print(calibration.cluster.constants)
    if leftOut.isEmpty {
      print("how far to trust them: --fit products,memory predicts every run from the others")
    }
  }

  private static func constants(_ names: String) throws -> [Calibration.Constant] {
    guard !names.isEmpty else { throw ValidationError("--fit needs shares, such as --fit products,memory") }
    return try names.split(separator: ",").map { name in
      guard let constant = Calibration.Constant(rawValue: String(name)) else {
        let known = Calibration.Constant.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--fit knows \(known), got \(name)")
      }
      return constant
    }
  }

  private struct HereReport: Encodable {
    let meshes: [HereComparison.Line]
  }

  static func compareHere(_ config: RunConfig, rounds: Int, json: Bool) throws {
    let terminal = Terminal.standardError
    let lines = try HereComparison(config, rounds: rounds) { terminal.writeLine($0) }.lines
    if json { return print(try PlanReport.json(of: HereReport(meshes: lines))) }
    var table = Table(["mesh", "predicted", "measured", "off by", "memory predicted", "measured", "off by"])
    for line in lines {
      table.append(
        row: [
          line.name, "\(Brief.fixed(line.predictedSeconds * 1e3, 1)) ms",
          "\(Brief.fixed(line.measuredSeconds * 1e3, 1)) ms", Brief.percent(line.timeError),
          Bytes(Int(line.predictedBytes)).description, Bytes(Int(line.measuredBytes)).description,
          Brief.percent(line.memoryError),
        ])
    }
    print(table)
    print(
      "\nmedians of \(rounds) rounds, of predictions, of times and of a round's own \"off by\", each predicted from that "
        + "round's measurement of the machine; memory: what all ranks' tensors took")
  }
}
