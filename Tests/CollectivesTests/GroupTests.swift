import Tensors
import Testing

@testable import Collectives

@Suite struct GroupTests {
  @Test("a group of one is the identity")
  func alone() {
    let device = Device(threads: 1)
    let x = Tensor([Float](arrayLiteral: 1, 2, 3), Shape(3), on: device)
    Group.alone().allReduce(x)
    #expect(x.floats == [1, 2, 3])
    #expect(Group.alone().sum([1, 2], on: device) == [1, 2])
  }
}
