import Tensors
import Testing

@testable import Optimizers

@Suite struct GradientNormTests {
  @Test("the norm is that of the scaled gradients, the same for one thread and two")
  func norm() {
    let values = (0..<100_003).map { Float($0 % 17 - 8) / 4 }
    let norms = [1, 2].map { threads in
      GradientNorm(of: Tensor(values, Shape(values.count), on: Device(threads: threads)), scale: 0.5).value
    }
    let expected = 0.5 * values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(norms[0] == norms[1])
    #expect(abs(norms[0] / expected - 1) < 1e-6)
  }

  @Test("clipping scales down to the maximum, and only down")
  func clipping() {
    #expect(GradientNorm(4).clipCoefficient(maximum: 1) == 1 / (4 + 1e-6))
    #expect(GradientNorm(0.5).clipCoefficient(maximum: 1) == 1)
    #expect(GradientNorm(0).clipCoefficient(maximum: 1) == 1)
    #expect(GradientNorm(1e9).clipCoefficient(maximum: 0) == 1)
  }

  @Test(
    "parameters with gradients that are not finite are named", arguments: [Float.nan, .infinity, -.infinity])
  func names(bad: Float) {
    let device = Device(threads: 2)
    var values = [Float](repeating: 1, count: 50)
    let parameters = [
      ParameterRange("first", 0..<20), ParameterRange("second", 20..<45), ParameterRange("third", 45..<50),
    ]
    var gradients = Tensor(values, Shape(50), on: device)
    #expect(GradientNorm(of: gradients).isFinite)
    #expect(GradientNorm.nonFinite(in: gradients, of: parameters) == [])
    values[44] = bad
    values[49] = bad
    gradients = Tensor(values, Shape(50), on: device)
    #expect(!GradientNorm(of: gradients).isFinite)
    #expect(GradientNorm.nonFinite(in: gradients, of: parameters) == ["second", "third"])
  }
}
