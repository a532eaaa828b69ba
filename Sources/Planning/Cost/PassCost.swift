/// Seconds of a stretch of work, and what of them is waiting for transfers.
struct PassCost {
  var seconds = 0.0
  var exposed: [Message.Among: Double] = [:]

  static func + (a: PassCost, b: PassCost) -> PassCost {
    PassCost(seconds: a.seconds + b.seconds, exposed: a.exposed.merging(b.exposed) { $0 + $1 })
  }

  static func * (count: Int, a: PassCost) -> PassCost {
    PassCost(seconds: Double(count) * a.seconds, exposed: a.exposed.mapValues { Double(count) * $0 })
  }
}
