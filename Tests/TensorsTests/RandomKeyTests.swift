import Tensors
import Testing

@Suite struct RandomKeyTests {
  /// 2⁻⁶⁴ of the key, as samplers use it.
  func uniform(_ key: RandomKey) -> Double { Double(key.value >> 11) * 0x1p-53 }

  @Test("no index is special for a seed: keys of all pairs are spread evenly and differ")
  func spread() {
    var seen = Set<UInt64>()
    var tenths = [Int](repeating: 0, count: 10)
    for seed in 0..<100 {
      for index in 0..<100 {
        let key = RandomKey(seed: UInt64(seed)).at(index)
        #expect(key.value != 0)
        seen.insert(key.value)
        tenths[Int(uniform(key) * 10)] += 1
      }
    }
    #expect(seen.count == 10_000)
    for count in tenths { #expect(abs(count - 1000) < 120) }
    let diagonal = (0..<1000).map { uniform(RandomKey(seed: UInt64($0)).at($0)) }
    #expect(abs(diagonal.reduce(0, +) / 1000 - 0.5) < 0.03)
  }

  @Test("names and numbers make different keys, in the order they are given")
  func names() {
    let key = RandomKey(seed: 1)
    #expect(key.at("a") != key.at("b"))
    #expect(key.at(1).at("a") != key.at("a").at(1))
    #expect(key.at("a") == RandomKey(seed: 1).at("a"))
  }

  @Test("normal numbers have the deviation asked for, and depend on their index alone")
  func normal() {
    let device = Device(threads: 2)
    let x = Tensor(uninitialized: Shape(100_000), on: device)
    x.fillNormal(deviation: 2, key: RandomKey(seed: 3).value)
    let values = x.floats
    let mean = values.reduce(0) { $0 + Double($1) } / 100_000
    let variance = values.reduce(0) { $0 + Double($1) * Double($1) } / 100_000
    #expect(abs(mean) < 0.03 && abs(variance - 4) < 0.08)
    let part = Tensor(uninitialized: Shape(100), on: device)
    part.fillNormal(deviation: 2, key: RandomKey(seed: 3).value, first: 777)
    #expect(part.floats == Array(values[777..<877]))
  }

  @Test(
    "dropout keeps the share asked for, scaled, the same on any number of threads",
    arguments: [0.1, 0.5] as [Float])
  func dropout(p: Float) {
    func run(threads: Int) -> [Float] {
      let device = Device(threads: threads)
      let x = Tensor([Float](repeating: 1, count: 50_001), Shape(50_001), on: device)
      let y = Tensor(uninitialized: x.shape, on: device)
      y.setDropout(of: x, probability: p, key: 99)
      return y.floats
    }
    let one = run(threads: 1)
    #expect(one == run(threads: 3))
    #expect(one.allSatisfy { $0 == 0 || $0 == 1 / (1 - p) })
    let dropped = Float(one.count { $0 == 0 }) / 50_001
    #expect(abs(dropped - p) < 0.01)
  }
}
