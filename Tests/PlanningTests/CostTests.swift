import Tensors
import Testing
import Topology
import Training

@testable import Planning

@Suite struct CostTests {
  /// Eight devices a node at 100 GB/s, nodes at 80 GB/s, everything reached.
  private var cluster: Cluster {
    var cluster = Cluster()
    cluster.device.memory = 80
    cluster.device.bandwidth = 1000
    cluster.device.peak.f32 = 10
    cluster.device.peak.f16 = 100
    cluster.node.devices = 8
    cluster.node.bandwidth = 100
    cluster.network.bandwidth = 80
    cluster.efficiency.products = 1
    cluster.efficiency.memory = 1
    cluster.efficiency.links = 1
    cluster.efficiency.network = 1
    cluster.efficiency.attention = 0.5
    cluster.efficiency.launch = 0
    return cluster
  }

  private func seconds(_ kind: Message.Kind, _ among: Message.Among, _ count: Int, _ mesh: Mesh) -> Double {
    TransferTime(cluster: cluster, mesh: mesh)
      .seconds(Message(kind: kind, among: among, count: count, bytes: 1), bytes: 8e9)
  }

  @Test("rings are paced by the slowest link, and a node's adapters are shared by its groups")
  func rings() {
    // Inside a node: 2·7/8·8 GB at 100 GB/s.
    #expect(abs(seconds(.allReduce, .tensor, 8, Mesh(tensor: 8)) - 0.14) < 1e-12)
    #expect(abs(seconds(.allGather, .tensor, 8, Mesh(tensor: 8)) - 0.07) < 1e-12)
    // Two ranks on two nodes, one of eight groups: a device's share is 10 GB/s.
    #expect(abs(seconds(.allReduce, .data, 2, Mesh(tensor: 8, data: 2)) - 0.8) < 1e-12)
    // Alone on its nodes, a ring of sixteen has all adapters.
    #expect(abs(seconds(.allReduce, .data, 16, Mesh(data: 16)) - 2 * 15 / 16 * 8 / 80) < 1e-12)
    // Stages on different nodes, and on one.
    #expect(abs(seconds(.receive, .pipeline, 2, Mesh(tensor: 8, pipeline: 2)) - 0.8) < 1e-12)
    #expect(abs(seconds(.receive, .pipeline, 2, Mesh(pipeline: 2)) - 0.08) < 1e-12)
  }

  @Test("a transfer hides under computing where it may, and is waited for where it may not")
  func overlap() {
    var hiding = Clock(overlap: [.tensor]), waiting = Clock(overlap: [])
    hiding.begin(.tensor, id: 1, seconds: 3)
    waiting.begin(.tensor, id: 1, seconds: 3)
    hiding.compute(2)
    waiting.compute(2)
    hiding.wait(id: 1)
    waiting.wait(id: 1)
    #expect(hiding.now == 3 && hiding.exposed[.tensor] == 1)
    #expect(waiting.now == 5 && waiting.exposed[.tensor] == 3)
    // A network carries one transfer after another.
    hiding.begin(.tensor, id: 2, seconds: 2)
    hiding.begin(.tensor, id: 3, seconds: 2)
    hiding.wait(id: 3)
    #expect(hiding.now == 7)
  }

  @Test(
    "an operation takes the longer of its arithmetic and its traffic; tiles that do not fill the units cost")
  func roofline() {
    func seconds(_ m: Int, _ n: Int, _ k: Int, units: Int) -> Double {
      var cluster = cluster
      cluster.device.units = units
      let time = OperationTime(cluster, Arithmetic(.f16, on: cluster.device))
      let product = Profile.Product(m: m, n: n, k: k, transposition: .second)
      return time.seconds(
        Profile.Operation("product", product), flops: 2 * m * n * k, bytes: 4 * (m * k + n * k + m * n),
        isOfActivations: true)
    }
    // 2·4096³ FLOPs at 100 TFLOP/s; 4096 rows of k = 8 are traffic of two bytes an element.
    #expect(abs(seconds(4096, 4096, 4096, units: 0) - 2 * 68.719476736e9 / 100e12) < 1e-12)
    #expect(abs(seconds(4096, 4096, 8, units: 0) - 2 * (4096 * 4096 + 2 * 4096 * 8) / 1e12) < 1e-12)
    // 512 tiles of 256 × 128 on 100 units: six waves for 5.12.
    let full = seconds(4096, 4096, 4096, units: 0)
    #expect(abs(seconds(4096, 4096, 4096, units: 100) / full - 600.0 / 512) < 1e-9)
    #expect(seconds(4096, 4096, 4096, units: 128) == full)
  }

  @Test("the figures of an operation are found again in what it took")
  func fit() throws {
    let figures = (call: 3e-6, perFlop: 2e-11, perByte: 5e-10)
    let rows: [Profile.Row] = [(100, 10), (4000, 100), (90_000, 20_000), (2_000_000, 3000), (50, 900_000)].map
    {
      flops, bytes in
      let seconds = figures.call + figures.perFlop * Double(flops * 1000) + figures.perByte * Double(bytes)
      let operation = Profile.Operation(
        "product", Profile.Product(m: flops, n: bytes, k: 1, transposition: .none))
      return Profile.Row(
        operation, calls: 2, duration: .seconds(2 * seconds), flops: 2 * flops * 1000,
        bytes: 2 * bytes)
    }
    let found = try #require(OperationFit(rows).operations.first)
    #expect(abs(found.call / 3 - 1) < 1e-3)
    #expect(abs(found.perKiloflop / 20 - 1) < 1e-3)
    #expect(abs(found.perKilobyte / 500 - 1) < 1e-3)
  }

  @Test("this machine can be measured, and its description is read back and plans")
  func here() throws {
    var machine = MachineMeasurement(devices: 2)
    try machine.measure([Shapes.gpt2.config, Shapes.llama.config], steps: 1)
    #expect(machine.cluster.problems.isEmpty, "\(machine.cluster.problems)")
    let plan = try Planner(machine.cluster).plan(Shapes.gpt2.config, devices: 2)
    #expect(plan.secondsPerStep > 0 && plan.secondsPerStep < 1)
  }
}
