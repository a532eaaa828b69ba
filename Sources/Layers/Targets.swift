import Tensors

/// What a microbatch is measured by: the token at each scored position, and a label for each sequence.
package struct Targets {
  /// The scored rows where they are few; nil: all are looked at. [scored], i32
  package let rows: Tensor?
  /// The token of each of those rows; where it is negative the row counts nothing. i32
  package let tokens: Tensor
  /// Of each sequence, or of each group of choices; where it is negative it counts nothing. i32
  package let labels: Tensor?
  /// How many count.
  package let tokenCount: Int
  package let labelCount: Int

  /// Lists that one microbatch after another is picked with.
  package struct Scratch {
    fileprivate var rows: [Int32] = []
    fileprivate var tokens: [Int32] = []

    package init() {}
  }

  /// - Parameters:
  ///   - tokens: one for every position of the microbatch, negative where none is scored; empty: none is.
  ///   - labels: one for every sequence or group of choices; empty: none.
  package init(tokens: [Int32], labels: [Int32] = [], scratch: inout Scratch, on device: Device) {
    tokenCount = tokens.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) }
    labelCount = labels.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) }
    self.labels = labels.isEmpty ? nil : Tensor(labels, Shape(labels.count), on: device)
    // To pick rows costs a copy of each: that pays where it spares products with the vocabulary.
    guard tokenCount == 0 || tokenCount * 4 < tokens.count * 3 else {
      rows = nil
      self.tokens = Tensor(tokens, Shape(tokens.count), on: device)
      return
    }
    scratch.rows.removeAll(keepingCapacity: true)
    scratch.tokens.removeAll(keepingCapacity: true)
    for (row, token) in tokens.enumerated() where token >= 0 {
      scratch.rows.append(Int32(row))
      scratch.tokens.append(token)
    }
    rows = Tensor(scratch.rows, Shape(tokenCount), on: device)
    self.tokens = Tensor(scratch.tokens, Shape(tokenCount), on: device)
  }

  package init(tokens: [Int32], labels: [Int32] = [], on device: Device) {
    var scratch = Scratch()
    self.init(tokens: tokens, labels: labels, scratch: &scratch, on: device)
  }

  /// The scored rows of `x`, one after the other.
  func pick(_ x: Tensor) -> Tensor {
    guard let rows else { return x }
    let picked = Tensor(uninitialized: Shape(rows.count, x.columns), on: x.device)
    picked.setRows(of: x, at: rows)
    return picked
  }

  /// `count` rows: those of `dx` where `pick` found them, zeros elsewhere.
  func spread(_ dx: Tensor, over count: Int) -> Tensor {
    guard let rows else { return dx }
    let spread = Tensor(zeros: Shape(count, dx.columns), on: dx.device)
    spread.addRows(dx, at: rows)
    return spread
  }
}

/// What the gradient of each loss is multiplied by: 1/count where the objective is a mean.
package struct LossWeights: Sendable, Equatable {
  /// Of each scored token.
  package var token: Float
  /// Of each label.
  package var label: Float

  package init(token: Float, label: Float = 0) {
    self.token = token
    self.label = label
  }
}

/// What a head measured of a microbatch.
package struct Losses {
  /// Of each scored row, in nats.
  package var tokens: Tensor?
  /// Of each label, in nats.
  package var labels: Tensor?
  /// Labels that got the largest score.
  package var correctLabels = 0
}
