import Schedules
import Telemetry
import Training

extension PipelineDrawing {
  /// A schedule's passes at the times of `timeline`.
  package init(title: String, subtitle: String, _ timeline: ScheduleTimeline, and others: [Box] = []) {
    self.init(
      title: title, subtitle: subtitle,
      boxes: timeline.stages.enumerated().flatMap { stage, spans in spans.map { Box(stage: stage, $0) } }
        + others)
  }
}

extension PipelineDrawing.Box {
  fileprivate init(stage: Int, _ span: ScheduleTimeline.Span) {
    let pass: PipelineDrawing.Pass =
      switch span.action {
      case .forward: .forward
      case .backward: .backward
      case .weights: .weights
      }
    self.init(
      stage: stage, start: span.start, end: span.end, pass: pass, microbatch: span.action.microbatch,
      chunk: span.action.chunk)
  }
}

extension StepPlan {
  /// One step, stages × time, in seconds: passes, bubble, waiting for transfers, the sums of the gradients, the update.
  package var drawing: PipelineDrawing {
    var others: [PipelineDrawing.Box] = []
    func add(_ stage: Int, _ start: Double, _ end: Double, _ pass: PipelineDrawing.Pass) {
      guard end - start > secondsPerStep * 1e-6 else { return }
      others.append(
        PipelineDrawing.Box(stage: stage, start: start, end: end, pass: pass, microbatch: 0, chunk: 0))
    }
    for (stage, spans) in timeline.stages.enumerated() {
      for span in spans {
        // Waiting is spread over a pass; what it comes to stands at its end.
        let waiting = waiting(stage, span.action)
        add(stage, span.end - waiting, span.end, .transfer)
      }
      add(stage, tail[stage].passes, tail[stage].sums, .transfer)
      add(stage, tail[stage].agreed, tail[stage].end, .update)
    }
    return PipelineDrawing(
      title: "\(Brief.count(config.model.parameterCount)) parameters, \(mesh)",
      subtitle:
        "a step of \(Brief.count(secondsPerStep)) s, bubble \(Brief.percent(bubble)) of the working time; "
        + "waiting inside a pass stands at its end",
      timeline, and: others)
  }
}

/// Throughput of one model on more and more devices.
package enum DeviceScaling {
  /// Tokens/s of `recipe` with 1, 2, 4, … data-parallel copies of its mesh, up to the plan's: at the same batch, and
  /// with a batch that grows with the devices.
  package static func chart(_ plan: StepPlan, _ planner: Planner) throws -> LineChart {
    let model = plan.mesh.tensor * plan.mesh.pipeline
    var fixed: [(x: Double, y: Double)] = [], growing = fixed
    for data in plan.mesh.data.divisors {
      var config = plan.config
      config.mesh.data = data
      if let step = try? planner.simulate(config, devices: data * model) {
        fixed.append((Double(data * model), plan.tokensPerStep / step.seconds))
      }
      config.training.globalBatch = plan.config.training.globalBatch / plan.mesh.data * data
      if let step = try? planner.simulate(config, devices: data * model) {
        let tokens = Double(config.training.globalBatch) * Double(config.tokensPerSample)
        growing.append((Double(data * model), tokens / step.seconds))
      }
    }
    let rate = (growing.first?.y ?? 1) / (growing.first?.x ?? 1)
    return LineChart(
      title: "\(Brief.count(plan.config.model.parameterCount)) parameters on \(plan.cluster.name), "
        + "TP\(plan.mesh.tensor) PP\(plan.mesh.pipeline)",
      x: "devices", y: "tokens/s",
      series: [
        .init("batch \(plan.config.training.globalBatch)", fixed), .init("batch grows with devices", growing),
        .init("in proportion", growing.map { ($0.x, rate * $0.x) }, isReference: true),
      ])
  }
}
