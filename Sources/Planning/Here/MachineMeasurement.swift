import Collectives
import FoundationEssentials
import Models
import Telemetry
import Tensors
import Topology
import Training

/// This machine as a cluster: its processors divided among `devices` ranks, all busy while they are measured, since
/// they share its memory and perhaps its cores.
package struct MachineMeasurement {
  package let devices: Int
  package let threads: Int
  private var rows: [Profile.Row] = []
  private var links: [(bandwidth: Double, latency: Double)] = []
  private var peak = 0.0
  private var bandwidth = 0.0

  package init(devices: Int) {
    self.devices = devices
    threads = max(1, Device.processorCount / devices)
  }

  /// Runs steps of models of several shapes, and collectives of several sizes. What was measured before counts too.
  package mutating func measure(_ shapes: [RunConfig] = Self.shapes, steps: Int = 2) throws {
    for shape in shapes {
      var config = shape
      config.mesh.data = devices
      config.training.globalBatch *= devices
      rows += try MeshRun(
        config, ranks: devices, threads: threads, steps: steps, warmup: 1, isProfiled: true
      ).rows
    }
    let rates = try Self.rates(devices: devices, threads: threads)
    (peak, bandwidth) = (max(peak, rates.peak), max(bandwidth, rates.bandwidth))
    if devices > 1 { links.append(try Self.link(devices: devices, threads: threads)) }
  }

  package var description: String { "\(devices) × \(threads) thread\(threads == 1 ? "" : "s")" }

  package var cluster: Cluster {
    var cluster = Cluster()
    cluster.name = "this machine: \(description)"
    cluster.device.memory = Double(ProcessInfo.processInfo.physicalMemory) / 0x1p30 / Double(devices)
    cluster.device.bandwidth = bandwidth / 1e9
    cluster.device.peak.f32 = peak / 1e12
    cluster.node.devices = devices
    cluster.node.bandwidth = links.map(\.bandwidth).reduce(0, max) / 1e9
    cluster.node.latency = (links.map(\.latency).min() ?? 0) * 1e6
    cluster.network.nodes = 1
    // Threads have no engine that copies while they compute.
    cluster.software.overlap = []
    cluster.efficiency.links = 1
    cluster.operations = OperationFit(rows).operations
    return cluster
  }

  /// Models that pull products, attention and the rest apart by their shapes.
  package static var shapes: [RunConfig] {
    func shape(
      layers: Int, width: Int, heads: Int, length: Int, microbatch: Int,
      _ change: (inout RunConfig) -> Void = { _ in }
    ) -> RunConfig {
      var config = RunConfig()
      config.model.layers = layers
      config.model.width = width
      config.model.heads = heads
      config.model.context = length
      config.model.vocabulary = 4096
      config.training.microbatch = microbatch
      config.training.globalBatch = 2 * microbatch
      change(&config)
      return Planner.prepared(config)
    }
    return [
      shape(layers: 2, width: 128, heads: 4, length: 128, microbatch: 1),
      shape(layers: 2, width: 128, heads: 4, length: 64, microbatch: 8),
      shape(layers: 2, width: 256, heads: 4, length: 128, microbatch: 4),
      shape(layers: 2, width: 512, heads: 8, length: 256, microbatch: 1),
      shape(layers: 1, width: 768, heads: 12, length: 256, microbatch: 2),
      shape(layers: 2, width: 256, heads: 8, length: 256, microbatch: 2) {
        $0.model.keyValueHeads = 2
        $0.model.positions = .rotary
        $0.model.norm = .rmsNorm
        $0.model.activation = .swiglu
        $0.model.bias = false
        $0.model.dropout = 0.1
        $0.training.recompute = .selective
        $0.training.precision = .bf16
      },
      shape(layers: 1, width: 384, heads: 6, length: 128, microbatch: 4) {
        $0.model.positions = .rotary
        $0.model.dropout = 0.1
        $0.training.recompute = .selective
        $0.training.precision = .bf16
      },
    ]
  }

  /// The ceilings of a rank's threads while all ranks work.
  private static func rates(devices: Int, threads: Int) throws -> (peak: Double, bandwidth: Double) {
    let all = try LocalCluster.run(Mesh(data: devices)) { rank -> (Double, Double) in
      let device = Device(threads: threads)
      rank.world.barrier(on: device)
      let peak = device.measurePeak(seconds: 0.2)
      rank.world.barrier(on: device)
      return (peak, device.measureBandwidth(seconds: 0.2))
    }
    return (all.map(\.0).reduce(0, +) / Double(devices), all.map(\.1).reduce(0, +) / Double(devices))
  }

  /// What an all-reduce between ranks reaches: bytes/s of a large one, and the seconds of a step of a tiny one.
  private static func link(devices: Int, threads: Int) throws -> (bandwidth: Double, latency: Double) {
    func seconds(_ count: Int, repeats: Int) throws -> Double {
      try LocalCluster.run(Mesh(data: devices)) { rank -> Double in
        let device = Device(threads: threads)
        let x = Tensor(zeros: Shape(count), on: device)
        rank.data.allReduce(x)
        let start = ContinuousClock.now
        for _ in 0..<repeats { rank.data.allReduce(x) }
        return (ContinuousClock.now - start).seconds / Double(repeats)
      }[0]
    }
    let steps = 2 * Double(devices - 1)
    let count = 1 << 20
    let (large, small) = (try seconds(count, repeats: 40), try seconds(64, repeats: 400))
    let traffic = 2 * Double(devices - 1) / Double(devices) * Double(count * DType.f32.size)
    return (traffic / max(large - small, large / 2), small / steps)
  }
}
