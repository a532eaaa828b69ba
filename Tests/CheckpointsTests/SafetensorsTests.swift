import Tensors
import Testing

@testable import Checkpoints

@Suite struct SafetensorsTests {
  private let device = Device(threads: 2)
  private let ramp = (0..<12).map { Float($0) / 8 - 1 }

  @Test("every type of number that Python writes is read", arguments: ["f64", "f32", "bf16", "f16"])
  func readsPython(name: String) throws {
    let file = try SafetensorsFile(fixture("python.safetensors"))
    let tensor = Tensor(uninitialized: [3, 4], on: device)
    try file.read(name, into: tensor)
    #expect(tensor.floats == ramp)
    let middle = Tensor(uninitialized: [2, 4], on: device)
    try file.read(name, rows: 1..<3, into: middle)
    #expect(middle.floats == Array(ramp[4...]))
  }

  @Test("integers, scalars, empty tensors, odd names and metadata are read")
  func readsTheRest() throws {
    let file = try SafetensorsFile(fixture("python.safetensors"))
    #expect(try file.integers("i64") == [-(1 << 40), 1 << 40])
    #expect(try file.integers("i32") == [-7, 7])
    #expect(try file.integers("u8") == [0, 200])
    #expect(try file.integers("bool") == [1, 0, 1])
    #expect(file.metadata == ["format": "pt", "note": "a \"quoted\" word\n"])
    let one = Tensor(uninitialized: [1], on: device)
    try file.read("scalar", into: one)
    #expect(one.floats == [1.5])
    try file.read("odd \"name\"\\ \n é 🪶", into: one)
    #expect(one.floats == [4])
    try file.read("empty", into: Tensor(uninitialized: [0, 5], on: device))
    let integers = Tensor(uninitialized: [2], .i32, on: device)
    try file.read("i32", into: integers)
    #expect(integers.integers == [-7, 7])
    #expect(file.tensors.count == 11)
  }

  @Test("a wrong name, shape or type is named")
  func wrongRequests() throws {
    let path = fixture("python.safetensors")
    let file = try SafetensorsFile(path)
    func failure(_ name: String, _ shape: Shape, _ type: DType = .f32) -> String? {
      #expect(throws: CheckpointFailure.self) {
        try file.read(name, into: Tensor(uninitialized: shape, type, on: device))
      }?.reason
    }
    #expect(failure("nothing", [1]) == "has no tensor \"nothing\" among its 11")
    #expect(failure("f32", [4, 3]) == "tensor \"f32\" has shape [3, 4], expected [4, 3]")
    #expect(failure("i64", [2]) == "tensor \"i64\" is stored as I64, which does not convert to f32")
    #expect(throws: CheckpointFailure.self) {
      try file.read("f32", rows: 1..<4, into: Tensor(uninitialized: [3, 4], on: device))
    }
    #expect(throws: CheckpointFailure.self) { try file.integers("f32") }
  }

  @Test("what is written is read back, whatever the order and the names")
  func roundTrip() throws {
    let scratch = try Scratch()
    let path = scratch.file("a.safetensors")
    let bytes = Tensor(uninitialized: [3], .u8, on: device)
    bytes.bytes.copyBytes(from: [1, 2, 3])
    let large = Tensor(uninitialized: [600_000], on: device)
    large.fillNormal(deviation: 1, key: 7)
    try SafetensorsWriter.write(
      path,
      [
        NamedTensor("bytes", bytes), NamedTensor("a \"b\"\n\u{1} 🪶", Tensor(ramp, [3, 4], on: device)),
        NamedTensor("ids", Tensor([-1, 2] as [Int32], [2], on: device)), NamedTensor("large", large),
      ], metadata: ["note": "x\ty"])
    let file = try SafetensorsFile(path)
    #expect(file.metadata == ["format": "pt", "note": "x\ty"])
    #expect(try file.entry("large").bytes.lowerBound % 8 == 0)
    let read = Tensor(uninitialized: [3, 4], on: device)
    try file.read("a \"b\"\n\u{1} 🪶", into: read)
    #expect(read.floats == ramp)
    #expect(try file.integers("ids") == [-1, 2])
    #expect(try file.integers("bytes") == [1, 2, 3])
    let again = Tensor(uninitialized: [600_000], on: device)
    try file.read("large", into: again)
    #expect(again.floats == large.floats)
  }

  @Test("a narrower type is written and read through small pieces", arguments: [StoredType.bf16, .f16])
  func narrow(type: StoredType) throws {
    let scratch = try Scratch()
    let path = scratch.file("a.safetensors")
    let exact = (0..<600_001).map { Float($0 % 200) / 16 }
    try SafetensorsWriter.write(
      path, [NamedTensor("x", Tensor(exact, Shape(exact.count), on: device))], as: type)
    let file = try SafetensorsFile(path)
    #expect(try file.entry("x").type == type)
    let read = Tensor(uninitialized: Shape(exact.count), on: device)
    try file.read("x", into: read)
    #expect(read.floats == exact)
  }

  @Test("a file is whole or absent")
  func atomic() throws {
    let scratch = try Scratch()
    do {
      let writer = try SafetensorsWriter(
        scratch.file("a.safetensors"), [.init("x", .f32, shape: [1 << 20])])
      try writer.append(UnsafeRawBufferPointer(Tensor(zeros: [1 << 19], on: device).bytes))
    }
    #expect(try scratch.contents == [])
  }
}
