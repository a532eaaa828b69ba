/// Several collections of samples mixed by weight: at every step the one furthest behind its share gives one.
package struct BlendedDataset: Samples {
  package let sequenceLength: Int
  package let layout: Batch.Layout
  package var count: Int { order.components.count }

  let order: BlendOrder
  private let components: [any Samples]

  /// One part of a blend.
  package struct Component {
    package let name: String
    package let weight: Double
    /// Makes that many samples.
    package let make: (_ count: Int) throws -> any Samples

    package init(_ name: String, weight: Double, make: @escaping (_ count: Int) throws -> any Samples) {
      self.name = name
      self.weight = weight
      self.make = make
    }
  }

  /// Builds every component with its share of `sampleCount` samples and half a percent more.
  package init(_ components: [Component], sampleCount: Int) throws {
    let weights = try Self.normalized(components)
    guard sampleCount > 0, sampleCount <= Int(UInt32.max) else {
      throw CorpusFailure("blend", "expected 1 to \(UInt32.max) samples, got \(sampleCount)")
    }
    self.components = try zip(components, weights.values).map { component, weight in
      try component.make(Self.share(of: sampleCount, weight: weight))
    }
    let first = self.components[0]
    (sequenceLength, layout) = (first.sequenceLength, first.layout)
    precondition(
      self.components.allSatisfy { $0.sequenceLength == first.sequenceLength && $0.layout == first.layout },
      "a blend is of samples of one length and layout")
    order = BlendOrder(weights: weights.normalized, count: sampleCount)
  }

  package func append(_ sample: Int, to batch: inout Batch) throws {
    precondition(sample >= 0 && sample < count, "sample \(sample) outside 0..<\(count)")
    let component = Int(order.components[sample])
    try components[component].append(Int(order.samples[sample]), to: &batch)
  }

  /// ceil(ceil(count · weight) · 1.005), Megatron's surplus.
  static func share(of count: Int, weight: Double) -> Int {
    Int(((Double(count) * weight).rounded(.up) * (1 + 0.005)).rounded(.up))
  }

  private static func normalized(_ components: [Component]) throws(CorpusFailure) -> Weights {
    guard !components.isEmpty, components.count <= Int(Int16.max) else {
      throw CorpusFailure("blend", "expected 1 to \(Int16.max) datasets, got \(components.count)")
    }
    for component in components where !(component.weight > 0 && component.weight.isFinite) {
      throw CorpusFailure(
        "blend", "expected a positive weight for \(component.name), got \(component.weight)")
    }
    return Weights(values: components.map(\.weight)).normalized
  }
}

/// Which dataset, and which of its samples, each step of a blend takes.
///
/// Step n takes argmaxᵢ wᵢ · max(n, 1) − drawnᵢ, the first of equals. Source: Megatron-LM `helpers.cpp`.
struct BlendOrder: Sendable, Equatable {
  let components: [Int16]
  let samples: [UInt32]

  init(weights: Weights, count: Int) {
    let weights = weights.values
    var drawn = [UInt32](repeating: 0, count: weights.count)
    var components: [Int16] = []
    var samples: [UInt32] = []
    components.reserveCapacity(count)
    samples.reserveCapacity(count)
    for step in 0..<count {
      let steps = Double(max(step, 1))
      var furthest = 0
      var error = weights[0] * steps - Double(drawn[0])
      for candidate in 1..<max(weights.count, 1) {
        let behind = weights[candidate] * steps - Double(drawn[candidate])
        if behind > error { (furthest, error) = (candidate, behind) }
      }
      components.append(Int16(furthest))
      samples.append(drawn[furthest])
      drawn[furthest] += 1
    }
    self.components = components
    self.samples = samples
  }
}
