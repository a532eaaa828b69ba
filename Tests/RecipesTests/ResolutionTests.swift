import Foundation
import Recipes
import Testing

@Suite struct ResolutionTests {
  let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path

  @Test("an empty recipe is the defaults") func empty() throws {
    #expect(try resolve() == RunConfig())
    #expect(try resolve("# nothing\n") == RunConfig())
    #expect(try resolve("training:\nmodel:\n  # layers: 3\n") == RunConfig())
  }

  @Test("defaults give way to the file, the file to --set, an early --set to a late one")
  func precedence() throws {
    let run = try resolve(
      "training: {steps: 5, seed: 9}", "training.steps=6", "model.width=8", "training.steps=7")
    #expect(run.training.steps == 7)
    #expect(run.training.seed == 9)
    #expect(run.model.width == 8)
    #expect(run.model.layers == 12)
  }

  @Test("a recipe extends another, relative to itself") func extends() throws {
    let recipe = try Recipe(contentsOf: fixtures + "/longer.yaml", overrides: ["model.layers=3"])
    let run = try recipe.resolve(RunConfig.self, defaults: RunConfig())
    #expect(run.training.steps == 1000)
    #expect(run.training.learningRate == 2e-4)
    #expect(run.model.layers == 3)
    #expect(run.model.width == 64)
    #expect(recipe.place(of: "training.steps")?.description == "longer.yaml:3")
    #expect(recipe.place(of: "model.width")?.description == "small.yaml:4")
    #expect(recipe.place(of: "model.layers")?.description == "--set model.layers=3")
    #expect(recipe.place(of: "model.tied") == nil)
  }

  @Test("elements of lists and sections nil by default fill in their own defaults") func sections() throws {
    let run = try Recipe(contentsOf: fixtures + "/small.yaml", overrides: ["distillation.teacher=big"])
      .resolve(RunConfig.self, defaults: RunConfig())
    #expect(
      run.data.blend == [RunConfig.Source(prefix: "books", weight: 3), .init(prefix: "web", weight: 1)])
    #expect(run.distillation == RunConfig.Distillation(teacher: "big", temperature: 2))
  }

  @Test("null takes an optional away; a list is replaced whole; keys of dictionaries are the user's")
  func replacement() throws {
    var defaults = RunConfig()
    defaults.distillation = .init(teacher: "x", temperature: 1)
    let recipe = try Recipe(
      "distillation: null\ntraining: {betas: [0.8]}\ndata: {aliases: {web_text: 2, wikiText: 3}}")
    let run = try recipe.resolve(RunConfig.self, defaults: defaults)
    #expect(run.distillation == nil)
    #expect(run.training.betas == [0.8])
    #expect(run.data.aliases == ["web_text": 2, "wikiText": 3])
  }

  @Test("a choice with fields is replaced by another, and adjusted by itself") func payloads() throws {
    #expect(
      try resolve("training: {schedule: {linear: {warmup: 4}}}").training.schedule == .linear(warmup: 4))
    #expect(
      try resolve("", "training.schedule.cosine.warmup=4").training.schedule
        == .cosine(minimum: 1e-5, warmup: 4))
    #expect(
      complaint("", "training.schedule.cosine.warm=4")
        == "unknown key training.schedule.cosine.warm in --set training.schedule.cosine.warm=4; "
        + "did you mean training.schedule.cosine.warmup?")
  }

  @Test("numbers may be written as people write them") func numbers() throws {
    let run = try resolve("training: {steps: 1e3, learning_rate: 1, stop_at_loss: .5}")
    #expect(run.training.steps == 1000)
    #expect(run.training.learningRate == 1)
    #expect(run.training.stopAtLoss == 0.5)
    #expect(try resolve("training: {learning_rate: 2e-4}").training.learningRate == 2e-4)
    #expect(try resolve("", "training.betas=[1e-1,2.5E-1]").training.betas == [0.1, 0.25])
  }

  @Test("JSON is a recipe too") func json() throws {
    let run = try resolve("{\n\t\"model\": {\"layers\": 2, \"activation\": \"squared_relu\"}\n}")
    #expect(run.model.layers == 2)
    #expect(run.model.activation == .squaredReLU)
  }

  @Test("a printed configuration resolves to the same one") func roundTrip() throws {
    var run = RunConfig()
    run.model.ffnWidth = 17
    run.training.learningRate = 0.1
    run.training.stopAtLoss = 1.0 / 3
    run.training.betas = []
    run.data.path = "a: \"b\" # c\\\n\té\u{1}\u{85} 東"
    run.data.aliases = ["1": .infinity, "true": .leastNonzeroMagnitude, "a b": -0.0, "": 1e22]
    run.data.blend = [.init(prefix: "no", weight: 2), .init(prefix: "2e4", weight: 0.1)]
    run.distillation = .init()
    #expect(try resolve(try Recipe.yaml(of: run)) == run)
    for word in [
      "", "~", "null", "1", "1.5", "-", "- a", "a:", "*x", "&x", "!t", "'", "1_0", "%", "a#", " x ",
    ] {
      run.data.path = word
      #expect(try resolve(try Recipe.yaml(of: run)).data.path == word, "\(word)")
    }
  }

  @Test("printing shows every field in the order declared") func printing() throws {
    var run = RunConfig()
    run.data.blend = [.init(prefix: "books", weight: 3)]
    #expect(
      try Recipe.yaml(of: run) == """
        model:
          layers: 12
          width: 768
          rope_fraction: 0.5
          activation: gelu
          tied: true
          ffn_width: null
        training:
          steps: 10
          learning_rate: 0.0003
          betas: [0.9, 0.95]
          seed: 1
          schedule:
            cosine:
              minimum: 1e-05
              warmup: 10
          stop_at_loss: null
        data:
          blend:
            - prefix: books
              weight: 3.0
          aliases:
            bookCorpus: 1.0
          path: ""
        distillation: null

        """)
  }
}
