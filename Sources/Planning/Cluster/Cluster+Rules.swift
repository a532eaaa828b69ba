import Recipes

extension Cluster {
  /// Reads a cluster's description, with `--set`-like overrides; throws everything that is wrong with it.
  package init(contentsOf path: String, overrides: [String] = []) throws(RecipeFailure) {
    self = try Recipe(contentsOf: path, overrides: overrides).resolve(Cluster.self, defaults: Cluster())
    try RecipeFailure.report(problems)
  }

  /// What cannot be so, one sentence each.
  package var problems: [String] {
    let positive: [(String, Double)] = [
      ("device.memory", device.memory), ("device.bandwidth", device.bandwidth),
      ("device.peak.f32", device.peak.f32),
      ("device.peak.f16", device.peak.f16 ?? 1), ("device.peak.bf16", device.peak.bf16 ?? 1),
      ("node.bandwidth", node.devices > 1 ? node.bandwidth : 1),
      ("network.bandwidth", network.nodes == 1 ? 1 : network.bandwidth),
    ]
    let shares: [(String, Double)] = [
      ("products", efficiency.products), ("attention", efficiency.attention),
      ("memory", efficiency.memory),
      ("links", efficiency.links), ("network", efficiency.network),
    ]
    let natural: [(String, Double)] = [
      ("device.reserved", device.reserved), ("device.price", device.price),
      ("device.units", Double(device.units)), ("node.latency", node.latency),
      ("network.latency", network.latency),
      ("network.nodes", Double(network.nodes)), ("efficiency.launch", efficiency.launch),
    ]
    let measured = operations.flatMap { operation in
      [
        ("call", operation.call), ("per_kiloflop", operation.perKiloflop),
        ("per_kilobyte", operation.perKilobyte),
      ].map { ("operations: \(operation.name).\($0.0)", $0.1) }
    }
    return positive.compactMap { name, value in
      (1e-6..<1e9).contains(value) ? nil : "\(name) must be above 0 (0.000001 ..< 1e9), got \(value)"
    }
      + (natural + measured).compactMap { name, value in
        value >= 0 && value < 1e9 ? nil : "\(name) must be 0 or more, got \(value)"
      }
      + shares.compactMap { name, value in
        value >= 1e-3 && value <= 1
          ? nil : "efficiency.\(name) is a share of a rated figure: 0.001 ... 1, got \(value)"
      }
      + [
        (1...1024).contains(node.devices)
          ? nil : "node.devices must lie in 1 ... 1024, got \(node.devices)",
        device.reserved < device.memory || device.memory <= 0
          ? nil
          : "device.reserved \(device.reserved) GiB leaves nothing of device.memory \(device.memory) GiB",
      ].compactMap(\.self)
  }

  /// Devices there are; nil: as many as wanted.
  package var deviceLimit: Int? { network.nodes > 0 ? network.nodes * node.devices : nil }

  /// Bytes of a device that a run may take.
  package var usableBytes: Double { (device.memory - device.reserved) * 0x1p30 }
}
