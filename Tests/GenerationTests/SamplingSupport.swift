import Tensors

@testable import Generation

extension SamplingOptions {
  /// The defaults but for what `change` sets.
  init(_ change: (inout SamplingOptions) -> Void) {
    self.init()
    change(&self)
  }
}

extension Candidates {
  /// Of all tokens, 0 of those that are no candidates.
  var probabilities: [Double] {
    let kept = weights.floats.map { $0 >= least ? Double($0) : 0 }
    let sum = kept.reduce(0, +)
    return kept.map { $0 / sum }
  }

  var ids: [Int] { weights.floats.indices.filter { weights[$0] >= least } }
}

/// Rows of logits, and what is left of them.
struct Rows {
  let device: Device

  init(threads: Int = 1, instructionSet: Device.InstructionSet = .best) {
    device = Device(threads: threads, instructionSet: instructionSet)
  }

  func row(_ logits: [Float]) -> Tensor { Tensor(logits, Shape(logits.count), on: device) }

  func normal(_ count: Int, deviation: Float, key: UInt64 = 1) -> [Float] {
    let x = Tensor(uninitialized: Shape(count), on: device)
    x.fillNormal(deviation: deviation, key: key)
    return x.floats
  }

  /// What `sampler` would draw from.
  func candidates(_ sampler: Sampler, _ logits: [Float]) -> Candidates {
    let changed = sampler.changed(row(logits))
    return sampler.candidates(changed, largest: changed.largest?.value ?? .nan)
  }

  func candidates(_ options: SamplingOptions, _ logits: [Float]) -> Candidates {
    candidates(Sampler(options, choice: 0, prompt: [], alternatives: nil), logits)
  }
}

/// Ids by logit, the largest first, of equals the lower id first; no NaN.
func ranked(_ logits: [Float]) -> [Int] {
  logits.indices.filter { !logits[$0].isNaN }.sorted {
    logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
  }
}
