import Foundation
import Recipes
import Testing
import Training

@testable import Planning

@Suite struct SearchTests {
  private func small(memory: Double) throws -> (RunConfig, Planner) {
    let config = try Repository.recipe(
      "gpt-ptdp", ["model.layers=8", "training.global_batch=32", "training.microbatch=1"])
    return (config, Planner(try Repository.cluster("dgx-a100", ["device.memory=\(memory)"])))
  }

  @Test("the choice is the fastest of all that fit, by trying all", arguments: [79.0, 9])
  func best(_ memory: Double) throws {
    let (config, planner) = try small(memory: memory)
    let search = try MeshSearch(config, devices: 16, planner)
    var fitting: [StepPlan] = []
    for candidate in Planner.prepared(config).candidates(devices: 16) {
      let plan = try planner.plan(candidate, devices: 16)
      #expect(try planner.fits(candidate, devices: 16) == plan.fits, "\(plan.settings)")
      #expect(
        try planner.bound(candidate, devices: 16) <= plan.secondsPerStep * (1 + 1e-9), "\(plan.settings)")
      if plan.fits { fitting.append(plan) }
    }
    #expect(search.fitting == fitting.count)
    let fastest = fitting.map(\.secondsPerStep).sorted()
    #expect(search.best.secondsPerStep == fastest[0])
    #expect(search.runnersUp.map(\.secondsPerStep) == Array(fastest[1...4]))
    #expect(search.simulated < fitting.count)
    for alternative in search.alternatives {
      let parts = alternative.difference.split(separator: " ").map(String.init)
      let choice = try #require(Choice.allCases.first { $0.path == parts[0] })
      let others = fitting.filter { choice.value(of: $0.config) == parts[2] }.map(\.secondsPerStep)
      #expect(alternative.plan?.secondsPerStep == others.min(), "\(alternative.difference)")
    }
  }

  @Test("a recipe does not beat its own search", arguments: [3, 7])
  func own(_ microbatch: Int) throws {
    let config = try Repository.recipe(
      "gpt-ptdp",
      [
        "model.layers=8", "training.global_batch=168", "training.microbatch=\(microbatch)",
        "training.recompute=none",
      ])
    let planner = Planner(try Repository.cluster("dgx-a100"))
    let own = try planner.plan(config, devices: 8)
    #expect(own.fits)
    #expect(try MeshSearch(config, devices: 8, planner).best.secondsPerStep <= own.secondsPerStep)
  }

  @Test("the flags of the choice give the choice again")
  func flags() throws {
    let (config, planner) = try small(memory: 79)
    // What the recipe says of places gives way too.
    var placed = config
    (placed.mesh.pipeline, placed.mesh.layers, placed.mesh.data) = (2, [4, 4], 8)
    let search = try MeshSearch(placed, devices: 16, planner)
    let again = try Recipe(try Recipe.yaml(of: placed), overrides: search.flags)
      .resolve(RunConfig.self, defaults: RunConfig())
    #expect(again.training.globalBatch == 32)
    #expect(try planner.plan(again, devices: 16).secondsPerStep == search.best.secondsPerStep)
  }

  @Test("the papers' advice is held against plans of both kinds")
  func takeaways() throws {
    let config = try Repository.recipe(
      "gpt-ptdp", ["model.layers=32", "model.width=20480", "model.heads=128", "training.global_batch=128"])
    let search = try MeshSearch(config, devices: 64, Planner(Repository.cluster("dgx-a100")))
    #expect(search.takeaways.count == 3)
    #expect(search.takeaways[0].holds == true)
    #expect(search.best.config.mesh.tensor <= 8)
    let advice = search.text(tokens: 1e9)
    #expect(advice.contains("--set mesh.tensor=\(search.best.config.mesh.tensor)"))
  }

  @Test(
    "one planner plans BERT, Nemotron and GPT",
    arguments: ["bert-336m", "bert-3.9b", "nemotron4-15b", "gpt2-124m"])
  func architectures(_ recipe: String) throws {
    let config = try Repository.recipe(recipe, ["training.global_batch=1024", "batch_ramp.samples=0"])
    let planner = Planner(try Repository.cluster("dgx-h100"))
    let search = try MeshSearch(config, devices: 128, planner)
    // No more than the shares of the peak allow, and what a sensible mesh reaches.
    let share = search.best.modelRate / search.best.peak
    #expect(search.best.fits && share < planner.cluster.efficiency.products && share > 0.15, "\(share)")
  }

  @Test("every figure has a name for programs")
  func json() throws {
    let (config, planner) = try small(memory: 79)
    let plan = try planner.plan(config, devices: 4)
    let object = try JSONSerialization.jsonObject(with: Data(PlanReport(plan, tokens: 1e9).json.utf8))
    let fields = try #require(object as? [String: Any])
    for name in [
      "seconds_per_step", "tflops_per_device", "hardware_flops_utilisation", "model_flops_utilisation",
      "bubble_fraction", "memory_bytes_per_device", "days",
    ] { #expect(fields[name] is Double, "\(name)") }
    let seconds = try #require(fields["seconds_per_step"] as? Double)
    #expect(abs(seconds / plan.secondsPerStep - 1) < 1e-12)
  }

  @Test("drawings show every pass")
  func drawings() throws {
    let (config, planner) = try small(memory: 79)
    var piped = config
    (piped.mesh.pipeline, piped.mesh.interleave) = (4, 2)
    let plan = try planner.plan(piped, devices: 8)
    let step = plan.drawing.svg, devices = try DeviceScaling.chart(plan, planner).svg
    for svg in [step, devices] {
      #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
      #expect(!svg.contains("nan") && !svg.contains("inf"))
    }
    #expect(step.matches(of: /<rect class="(forward|backward)"/).count >= 2 * 4 * 2 * plan.microbatches)
    #expect(step.contains("class=\"update\"") && step.contains("class=\"transfer\""))
  }
}

@Suite struct BoundTests {
  @Test("no step is shorter than its bound, with spare layers, uneven stages and heavy heads too")
  func bound() throws {
    let planner = Planner(try Repository.cluster("dgx-a100-fused"))
    for layers in [16, 18, 23] {
      for settings in [["mesh.pipeline=8"], ["mesh.pipeline=16"], ["mesh.pipeline=4", "mesh.interleave=2"]] {
        for schedule in ["1f1b", "zero_bubble"] where settings.count == 1 || schedule == "1f1b" {
          var config = try Repository.recipe(
            "gpt-ptdp",
            settings + [
              "model.layers=\(layers)", "model.vocabulary=256000", "training.global_batch=8",
              "training.microbatch=1",
            ])
          if settings.count == 1 {
            config.mesh.schedule = schedule == "1f1b" ? .oneForwardOneBackward : .zeroBubble
          }
          let plan = try planner.plan(config, devices: config.mesh.pipeline)
          let bound = try planner.bound(plan.config, devices: config.mesh.pipeline)
          #expect(bound <= plan.secondsPerStep * (1 + 1e-9), "\(layers) \(settings) \(schedule)")
        }
      }
    }
  }

  @Test("defaults of a description are the fitted shares")
  func defaults() throws {
    let fitted = try Repository.cluster("dgx-a100").efficiency
    #expect(Cluster.Efficiency() == fitted)
  }

  @Test("no way is looked at twice, the recipe's own among them")
  func once() throws {
    var config = Planner.prepared(
      try Repository.recipe(
        "gpt-ptdp", ["model.layers=8", "training.global_batch=32", "training.microbatch=1"]))
    for isExplicit in [false, true] {
      if isExplicit { (config.mesh.data, config.mesh.schedule) = (8, .oneForwardOneBackward) }
      let all = config.candidates(devices: 8).map { one in
        Choice.allCases.map { $0.value(of: one) } + ["\(one.stagePlan.runs)"]
      }
      #expect(Set(all).count == all.count)
    }
  }
}

@Suite struct RefusalTests {
  @Test(
    "nonsense about a cluster is refused by name",
    arguments: [
      ("device.bandwidth=0", "device.bandwidth"), ("device.memory=-1", "device.memory"),
      ("node.devices=0", "node.devices"), ("node.bandwidth=0", "node.bandwidth"),
      ("network.bandwidth=-5", "network.bandwidth"), ("efficiency.products=1.5", "efficiency.products"),
      ("efficiency.memory=0", "efficiency.memory"), ("device.reserved=90", "device.reserved"),
      ("device.peak.f16=0", "device.peak.f16"), ("network.latency=-1", "network.latency"),
      ("device.bandwith=5", "device.bandwidth"), ("device.bandwidth=nan", "device.bandwidth"),
      ("software.attention=magic", "software.attention"),
    ])
  func cluster(_ override: String, _ name: String) throws {
    let failure = #expect(throws: RecipeFailure.self) { try Repository.cluster("dgx-a100-fused", [override]) }
    #expect(try "\(#require(failure))".contains(name))
  }

  @Test("a mesh that does not multiply to the devices is refused, and so is more than there is")
  func devices() throws {
    let planner = Planner(try Repository.cluster("dgx-a100-fused", ["network.nodes=2"]))
    let config = try Repository.recipe("gpt-ptdp", ["mesh.tensor=4", "training.microbatch=1"])
    #expect(throws: RecipeFailure.self) { try planner.plan(config, devices: 6) }
    let failure = #expect(throws: PlanningFailure.self) { try planner.plan(config, devices: 32) }
    #expect(try #require(failure).reason.contains("has 16 devices"))
    #expect(throws: PlanningFailure.self) { try MeshSearch(config, devices: 32, planner) }
  }

  @Test(
    "what is too large to look at is refused before it is traced",
    arguments: [
      ("mesh.bucket_bytes=1", "bucket_bytes"), ("model.layers=1000000", "would hold"),
      ("model.width=16777200", "would hold"), ("training.microbatch=1048576", "would hold"),
    ])
  func tooLarge(_ override: String, _ name: String) throws {
    let planner = Planner(try Repository.cluster("dgx-a100-fused"))
    let config = try Repository.recipe("gpt-ptdp", ["training.global_batch=8388608", override])
    let failure = #expect(throws: PlanningFailure.self) { try planner.plan(config, devices: 8) }
    #expect(try #require(failure).reason.contains(name))
  }

  @Test("a search that can find nothing says why")
  func hopeless() throws {
    let huge = try Repository.recipe(
      "gpt-ptdp", ["model.layers=96", "model.width=12288", "model.heads=96", "training.global_batch=8"])
    let planner = Planner(try Repository.cluster("dgx-a100-fused"))
    let failure = #expect(throws: PlanningFailure.self) { try MeshSearch(huge, devices: 8, planner) }
    #expect(try #require(failure).reason.contains("fits"))
    // 29 devices divide neither 512 sequences nor 24 heads, and more than 24 layers need no more stages.
    let odd = try Repository.recipe("gpt-ptdp")
    #expect(throws: PlanningFailure.self) { try MeshSearch(odd, devices: 29, planner) }
  }
}
