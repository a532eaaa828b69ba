import CAllocations
import Layers
import Models
import Tensors
import Testing

/// What forward and backward of a microbatch take from the heap once the pool is warm.
@Suite struct AllocationTests {
  @Test(
    "memory comes from the pool and none from the heap", arguments: GoldenTests.names,
    Recompute.allCases)
  func steadyState(name: String, recompute: Recompute) throws {
    // One thread: of several, one that got no work so far may yet have to take scratch memory.
    let golden = try Golden(name, recompute: recompute, threads: 1)
    let (microbatch, targets, weights) = try golden.microbatch("input")
    func step() {
      _ = golden.model.lossesAndGradients(microbatch, targets, weights: weights)
    }
    for _ in 0..<3 { step() }
    let misses = golden.device.misses
    let before = allocations_of_this_thread()
    step()
    let allocations = allocations_of_this_thread() - before
    #expect(golden.device.misses == misses)
    #expect(allocations == 0)
  }

  @Test("the count sees memory, objects and arrays", .enabled(if: allocations_are_counted()))
  func counts() {
    final class Object { var value = 1 }
    func allocations(_ body: () -> Void) -> UInt64 {
      let before = allocations_of_this_thread()
      body()
      return allocations_of_this_thread() - before
    }
    var kept: [Any] = []
    kept.reserveCapacity(2)
    #expect(allocations { UnsafeMutableRawPointer.allocate(byteCount: 9, alignment: 4096).deallocate() } == 1)
    #expect(allocations { kept.append(Object()) } == 1)
    #expect(allocations { kept.append((0..<kept.count + 99).map { $0 }) } >= 1)
  }
}
