import Tensors
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The error bounds stated in CKernels/body/vector.h.
@Suite struct ElementaryFunctionTests {
  static func values(_ function: ElementaryFunction, _ inputs: [Float], _ set: Device.InstructionSet)
    -> [Float]
  {
    let device = Device(threads: 1, instructionSet: set)
    let x = Tensor(inputs, Shape(inputs.count), on: device)
    let y = Tensor(uninitialized: x.shape, on: device)
    y.set(function, of: x)
    return y.floats
  }

  @Test("exp, tanh and erf keep their bounds", arguments: MatrixProductTests.sets)
  func bounds(set: Device.InstructionSet) {
    let inputs = (-200_000...200_000).map { Float($0) * 4.3e-4 } + (-4000...4000).map { Float($0) * 1e-5 }
    for (x, y) in zip(inputs, Self.values(.exp, inputs, set)) where x > -87.3 {
      let exact = exp(Double(x))
      #expect(abs(Double(y) - exact) <= 2e-7 * exact)
    }
    for (x, y) in zip(inputs, Self.values(.tanh, inputs, set)) {
      let exact = tanh(Double(x))
      #expect(abs(Double(y) - exact) <= 4e-7 * abs(exact))
    }
    for (x, y) in zip(inputs, Self.values(.erf, inputs, set)) {
      let exact = erf(Double(x))
      #expect(abs(Double(y) - exact) <= min(4e-7 * abs(exact), 2e-7))
    }
  }

  @Test("infinities and NaN behave", arguments: MatrixProductTests.sets)
  func special(set: Device.InstructionSet) {
    let inputs: [Float] = [.infinity, -.infinity, .nan, 100, -100, 0]
    let e = Self.values(.exp, inputs, set)
    #expect(e[0] == .infinity && e[1] == 0 && e[2].isNaN && e[3] == .infinity && e[4] == 0 && e[5] == 1)
    let t = Self.values(.tanh, inputs, set)
    #expect(t[0] == 1 && t[1] == -1 && t[2].isNaN && t[5] == 0)
    let f = Self.values(.erf, inputs, set)
    #expect(f[0] == 1 && f[1] == -1 && f[2].isNaN && f[5] == 0)
  }
}
