import Collectives
import Foundation
import Layers
import Models
import Tensors
import Testing
import Topology

@testable import Evaluation

@Suite struct ScorerTests {
  let model = TinyModel.make()

  /// Logits behind `context`, computed by itself.
  func logits(_ context: some Collection<Int32>, of other: Transformer? = nil) -> [Float] {
    let model = other ?? model
    return Array(
      model.logits(Microbatch(Array(context), sequences: 1, on: model.device)).floats.suffix(
        TinyModel.vocabulary))
  }

  /// Σ ln p of the scored tokens in double precision, each from a pass of its own.
  func expected(_ window: Window) -> Double {
    window.tokens.indices.suffix(window.scored).reduce(0) { sum, place in
      let logits = logits(window.tokens[..<place]).map(Double.init)
      return sum + logits[Int(window.tokens[place])] - log(logits.reduce(0) { $0 + exp($1) })
    }
  }

  @Test("scores are those of token after token, in the order asked")
  func tokenByToken() throws {
    let windows = TinyModel.windows
    let scores = try Scorer(model).scores(of: windows, choosing: false)
    for (window, score) in zip(windows, scores) {
      #expect(abs(score.logLikelihood - expected(window)) < 1e-5 * abs(expected(window)))
    }
  }

  @Test("what a window scores does not depend on its batch, bit for bit", arguments: [1, 13, 50, 100_000])
  func batches(budget: Int) throws {
    let windows = TinyModel.windows, scorer = try Scorer(model, budget: budget)
    let alone = windows.flatMap { scorer.scores(of: [$0], choosing: true) }
    #expect(scorer.scores(of: windows, choosing: true) == alone)
    #expect(scorer.scores(of: windows.reversed(), choosing: true) == alone.reversed())
  }

  @Test("a batch holds no more than the budget, longest first, and everything once")
  func plan() {
    let windows = TinyModel.windows + [Window([1, 2, 3], scored: 0)]
    let plan = ScoringPlan(windows, budget: 30)
    #expect(plan.batches.joined().sorted() == Array(0..<40))
    for batch in plan.batches {
      let lengths = batch.map { windows[$0].inputCount }
      #expect(lengths == lengths.sorted(by: >) && lengths[0] * lengths.count <= 30)
    }
    #expect(plan.tokens.last == windows.dropLast().reduce(0) { $0 + $1.inputCount })
  }

  @Test("a continuation is greedy when each token is the first choice, and only then")
  func greedy() throws {
    let context = TinyModel.ids(5)
    var text = context
    for _ in 0..<4 {
      let logits = logits(text)
      text.append(Int32(logits.firstIndex(of: logits.max() ?? 0) ?? 0))
    }
    func isGreedy(_ text: [Int32]) throws -> Bool {
      try Scorer(model).scores(of: [Window(text[...], scored: 4)], choosing: true)[0].isGreedy
    }
    #expect(try isGreedy(text))
    for place in 5..<9 {
      var wrong = text
      wrong[place] = (wrong[place] + 1) % Int32(TinyModel.vocabulary)
      #expect(try !isGreedy(wrong))
    }
  }

  @Test("of equal scores the lowest id is the choice, and a NaN is none", arguments: [1, 2])
  func ties(ranks: Int) throws {
    // With a table of zeros all tokens score the same. The second rank's first row is 10; then row 0 is no number.
    let best = try LocalCluster.run(Mesh(tensor: ranks), limit: .seconds(60)) { rank in
      var config = TinyModel.config(.layerNorm1P)
      config.heads = 2
      let model = TinyModel.make(config, part: .share(of: config, on: rank))
      let table = try #require(model.head?.output?.weight)
      table.value.fill(0)
      let window = { (token: Int32) in Window([1, token], scored: 1) }
      let scorer = try Scorer(model, rank: rank)
      let ties = scorer.scores(of: [window(0), window(1), window(10)], choosing: true).map(\.isGreedy)
      if rank.place.tensor == 0 { table.value.rows(0..<1).fill(.nan) }
      return [ties, scorer.scores(of: [window(0), window(1), window(10)], choosing: true).map(\.isGreedy)]
    }
    for rank in best { #expect(rank == [[true, false, false], [false, true, false]]) }
  }

  @Test("progress goes up to all inputs")
  func progress() throws {
    var calls: [Int] = []
    let windows = TinyModel.windows, total = windows.reduce(0) { $0 + $1.inputCount }
    _ = try Scorer(model, budget: 30).scores(of: windows, choosing: false) { done, of in
      #expect(of == total)
      calls.append(done)
    }
    #expect(calls == calls.sorted() && calls.last == total && calls.count > 5)
  }

  @Test("nothing is scored of no windows, or of windows that ask nothing")
  func nothing() throws {
    #expect(try Scorer(model).scores(of: [], choosing: true).isEmpty)
    let scores = try Scorer(model).scores(of: [Window([1, 2], scored: 0)], choosing: true)
    #expect(scores == [Score(logLikelihood: 0, isGreedy: true)])
  }

  @Test("an encoder is refused by its kind")
  func encoder() {
    var config = TinyModel.config()
    config.kind = .encoder
    let failure = #expect(throws: EvaluationFailure.self) { try Scorer.check(config) }
    #expect(failure?.description.contains("model.kind encoder") == true)
  }

  @Test(
    "any mesh scores what one rank does",
    arguments: [
      Mesh(tensor: 2), Mesh(pipeline: 2), Mesh(data: 3), Mesh(pipeline: 4),
      Mesh(tensor: 2, pipeline: 2, data: 2),
    ], [NormKind.layerNorm, .layerNorm1P])
  func meshes(mesh: Mesh, norm: NormKind) throws {
    let config = TinyModel.config(norm), whole = TinyModel.make(config)
    // Some end with the model's own choice.
    let windows = TinyModel.windows.enumerated().map { index, window in
      guard index % 3 == 0 else { return window }
      let logits = logits(window.tokens.dropLast(), of: whole)
      let best = Int32(logits.firstIndex(of: logits.max() ?? 0) ?? 0)
      return Window(window.tokens.dropLast() + [best], scored: 1)
    }
    let alone = try Scorer(whole, budget: 40).scores(of: windows, choosing: true)
    #expect(Set(alone.map(\.isGreedy)).count == 2)
    let all = try LocalCluster.run(mesh, limit: .seconds(60)) { rank in
      let model = TinyModel.make(config, part: .share(of: config, on: rank))
      return try Scorer(model, rank: rank, budget: 40).scores(of: windows, choosing: true)
    }
    #expect(all.count == mesh.rankCount)
    for scores in all {
      #expect(scores == all[0])
      for (mine, theirs) in zip(scores, alone) {
        #expect(mine.isGreedy == theirs.isGreedy)
        #expect(abs(mine.logLikelihood - theirs.logLikelihood) < 1e-6 * abs(theirs.logLikelihood))
      }
    }
  }
}
