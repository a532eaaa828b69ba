import Tensors
import Testing

@testable import Generation

@Suite struct CandidatesTests {
  let rows = Rows()

  /// Rows of more than a block: all different, many alike, all alike, one far above the others.
  static let kinds = ["different", "alike", "equal", "peaked"]

  func logits(_ kind: String) -> [Float] {
    let normal = rows.normal(3001, deviation: 2)
    switch kind {
    case "alike": return normal.map { ($0 * 2).rounded() / 2 }
    case "equal": return [Float](repeating: 1.5, count: normal.count)
    case "peaked": return normal.enumerated().map { $0 == 1234 ? 25 : $1 }
    default: return normal
    }
  }

  @Test(
    "top-k leaves what is at least the k-th largest logit", arguments: kinds,
    [1, 2, 50, 256, 700, 2999, 3000])
  func topK(kind: String, k: Int) {
    let logits = logits(kind)
    let limit = logits.sorted(by: >)[k - 1]
    let ids = rows.candidates(SamplingOptions { $0.topK = k }, logits).ids
    #expect(ids == logits.indices.filter { logits[$0] >= limit })
  }

  @Test("a k beyond the vocabulary, a p of 1 and a min-p of 0 drop nothing", arguments: kinds)
  func everything(kind: String) {
    let logits = logits(kind)
    let options = SamplingOptions {
      $0.topK = logits.count + 1
      $0.topP = 1
    }
    #expect(rows.candidates(options, logits).ids.count == logits.count)
  }

  @Test("at a low temperature top-k leaves no token that cannot be drawn")
  func underflow() {
    let logits = logits("different")
    let ids = rows.candidates(
      SamplingOptions {
        $0.topK = 1000
        $0.temperature = 0.01
      }, logits
    ).ids
    let largest = logits.max()!
    #expect(ids == logits.indices.filter { (logits[$0] - largest) * 100 > -87.33 })
    #expect(ids.count > 1 && ids.count < 1000)
  }

  @Test(
    "the nucleus is the smallest set with this probability", arguments: kinds, [1e-9, 0.3, 0.5, 0.95, 0.9999])
  func nucleus(kind: String, p: Double) {
    let logits = logits(kind)
    let ids = rows.candidates(SamplingOptions { $0.topP = p }, logits).ids
    let order = ranked(logits)
    #expect(Set(ids) == Set(order.prefix(ids.count)))
    let total = logits.reduce(0.0) { $0 + exponential($1) }
    let share = ids.reduce(0.0) { $0 + exponential(logits[$1]) } / total
    let last = exponential(logits[order[ids.count - 1]]) / total
    #expect(share > p - 1e-6)
    #expect(share - last < p + 1e-6)
  }

  private func exponential(_ x: Float) -> Double {
    let y = Tensor([x], Shape(1), on: rows.device)
    y.set(.exp, of: y)
    return Double(y[0])
  }

  @Test("min-p leaves tokens with that share of the likeliest one's probability", arguments: [0.01, 0.2, 1])
  func minP(share: Double) {
    let logits = logits("alike"), largest = logits.max()!
    let ids = rows.candidates(SamplingOptions { $0.minP = share }, logits).ids
    #expect(ids == logits.indices.filter { exponential(logits[$0] - largest) >= share })
  }

  /// ln of 0.5, 0.3, 0.15, 0.05
  let four: [Float] = [-0.6931472, -1.2039728, -1.89712, -2.9957323]

  @Test("each step sees what the one before left")
  func order() {
    func left(_ change: (inout SamplingOptions) -> Void) -> [Int] {
      rows.candidates(SamplingOptions(change), four).ids
    }
    #expect(left { $0.topP = 0.6 } == [0, 1])
    // Of the two that top-k leaves, the first has 0.625.
    #expect(
      left {
        $0.topP = 0.6; $0.topK = 2
      } == [0])
    // At a temperature of 3, the four have 0.35, 0.29, 0.23 and 0.16.
    #expect(
      left {
        $0.topP = 0.6; $0.temperature = 3
      } == [0, 1])
    #expect(
      left {
        $0.topP = 0.7; $0.temperature = 3
      } == [0, 1, 2])
    #expect(left { $0.minP = 0.5 } == [0, 1])
    #expect(
      left {
        $0.minP = 0.5; $0.temperature = 3
      } == [0, 1, 2])
    // A nucleus of the three that a bias leaves; min-p of the two in the nucleus.
    #expect(
      left {
        $0.topP = 0.6; $0.logitBias = [0: -100]
      } == [1])
    #expect(
      left {
        $0.topP = 0.8; $0.minP = 0.7
      } == [0])
    // A bias of 1 on what the penalty has halved.
    let sampler = Sampler(
      SamplingOptions {
        $0.repetitionPenalty = 2
        $0.logitBias = [0: 1]
      }, choice: 0, prompt: [0], alternatives: nil)
    #expect(sampler.changed(rows.row([2, 2])).floats == [2, 2])
  }
}
