import Tensors
import Testing

@Suite struct PoolTests {
  @Test("memory that nobody views serves the next request of its size")
  func recycles() {
    let device = Device(threads: 1)
    for _ in 0..<10 {
      let a = Tensor(uninitialized: Shape(100, 10), on: device)
      let b = Tensor(uninitialized: Shape(100, 10), on: device)
      #expect(a.raw != b.raw)
    }
    #expect(device.misses == 2)
    #expect(device.usedBytes == 0)
  }

  @Test("where sizes share, memory stays that of the largest step, whatever sizes come by")
  func sharesSizes() {
    let device = Device(threads: 1)
    device.sharesSizes = true
    func step(tokens: Int) {
      var x = Tensor(uninitialized: Shape(tokens, 64), on: device)
      for _ in 0..<3 {
        let wide = Tensor(uninitialized: Shape(tokens, 256), on: device)
        x = Tensor(uninitialized: Shape(tokens, 64), on: device)
        #expect(wide.raw != x.raw)
      }
    }
    step(tokens: 512)
    let reserved = device.reservedBytes, misses = device.misses
    for tokens in 257...512 { step(tokens: tokens) }
    #expect(device.misses == misses && device.reservedBytes == reserved)
    for round in 0..<3 {
      for tokens in 1...512 { step(tokens: (tokens * 181 + round) % 512 + 1) }
    }
    // A step holds three buffers; halves and quarters of them add up to as much again.
    #expect(device.reservedBytes < 3 * reserved)
    #expect(device.usedBytes == 0)
  }

  @Test("without sharing, a step finds the buffers of its own sizes only")
  func keepsSizesApart() {
    let device = Device(threads: 1)
    _ = Tensor(uninitialized: Shape(100), on: device)
    _ = Tensor(uninitialized: Shape(90), on: device)
    #expect(device.misses == 2)
  }

  @Test("a view keeps its buffer")
  func viewsHold() {
    let device = Device(threads: 1)
    var view = Tensor([1, 2, 3, 4] as [Float], Shape(2, 2), on: device).columns(1..<2)
    for _ in 0..<3 { Tensor(uninitialized: Shape(2, 2), on: device).fill(9) }
    #expect(view.floats == [2, 4])
    view = Tensor(uninitialized: Shape(1), on: device)
    #expect(view.count == 1)
  }

  @Test("conversions round to nearest even and keep NaN and infinity")
  func conversions() {
    let device = Device(threads: 2)
    let values: [Float] = [
      1, 1.00390625, 1.01171875, -3.1415927, .infinity, .nan, 65504, 1e-8, 0, -0.0, 7e-6,
    ]
    let x = Tensor(values, Shape(values.count), on: device)
    func round(through dtype: DType) -> [Float] {
      let stored = Tensor(uninitialized: x.shape, dtype, on: device)
      stored.convert(from: x)
      let back = Tensor(uninitialized: x.shape, on: device)
      back.convert(from: stored)
      return back.floats
    }
    let bf16 = round(through: .bf16)
    #expect(bf16[0...3] == [1, 1, 1.015625, -3.140625] && bf16[4] == .infinity && bf16[5].isNaN)
    let f16 = round(through: .f16)
    #expect(f16[6] == 65504 && f16[7] == 0 && f16[5].isNaN && f16[3] == Float(Float16(-3.1415927)))
    #expect(f16[10] == Float(Float16(7e-6)))
  }
}
