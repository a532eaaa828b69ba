import Tensors
import TestSupport
import Testing

/// Kernels of one instruction set on so many threads.
struct Kernels: Sendable, CustomTestStringConvertible {
  let set: Device.InstructionSet
  let threads: Int

  var device: Device { Device(threads: threads, instructionSet: set) }
  var testDescription: String { "\(set) × \(threads)" }

  /// All that this machine has, on one thread and on two.
  static let all = Device.InstructionSet.allCases.filter { $0 != .best && $0.isAvailable }
    .flatMap { set in [1, 2].map { Kernels(set: set, threads: $0) } }
}

/// Operations and their gradients against float64 (Fixtures/README.md), for every instruction set.
@Suite struct OperationGoldenTests {
  @Test("activations, and the way back through them", arguments: Kernels.all)
  func activations(kernels: Kernels) throws {
    let golden = try GoldenFile("activations"), device = kernels.device
    for activation in Activation.allCases where !activation.isGated {
      let name = activation.rawValue
      let x = try golden.tensor("\(name).x", on: device)
      let y = Tensor(uninitialized: x.shape, on: device), dx = Tensor(uninitialized: x.shape, on: device)
      y.setActivation(activation, of: x)
      dx.setActivationGradient(activation, try golden.tensor("\(name).dy", on: device), at: x)
      // Element by element: what is far from zero must not hide what is near it.
      for (input, (got, expected)) in zip(x.floats, zip(y.floats, try golden.floats("\(name).y"))) {
        #expect(abs(got - expected) <= 1e-6 * (abs(expected) + 0.1), "\(name)(\(input)) = \(got)")
      }
      for (input, (got, expected)) in zip(x.floats, zip(dx.floats, try golden.floats("\(name).dx"))) {
        #expect(abs(got - expected) <= 3e-6 * (abs(expected) + 1), "\(name)'(\(input)): \(got)")
      }
    }
  }

  @Test("SwiGLU, and the way back through it", arguments: Kernels.all)
  func swiglu(kernels: Kernels) throws {
    let golden = try GoldenFile("activations"), device = kernels.device
    let gate = try golden.floats("swiglu.gate"), up = try golden.floats("swiglu.up")
    let (rows, width) = (5, 37)
    let joined = Tensor(Self.beside([gate, up], rows: rows), Shape(rows, 2 * width), on: device)
    let y = Tensor(uninitialized: Shape(rows, width), on: device)
    y.setSwiGLU(joined)
    #expect(relativeError(y.floats, try golden.floats("swiglu.y")) < 1e-6)
    let gradient = Tensor(uninitialized: joined.shape, on: device)
    gradient.setSwiGLUGradient(try golden.tensor("swiglu.dy", on: device), at: joined)
    #expect(relativeError(gradient.columns(0..<width).floats, try golden.floats("swiglu.dgate")) < 1e-6)
    #expect(relativeError(gradient.columns(width..<2 * width).floats, try golden.floats("swiglu.dup")) < 1e-6)
  }

  @Test("norms; gradients of gain and bias add to what is there", arguments: Kernels.all)
  func norms(kernels: Kernels) throws {
    let golden = try GoldenFile("norms"), device = kernels.device
    for name in golden.cases {
      let kind = try #require(NormKind(rawValue: String(name.prefix { $0 != "." })))
      let x = try golden.tensor("\(name).x", on: device),
        gain = try golden.tensor("\(name).weight", on: device)
      let bias = kind.hasBias ? try golden.tensor("\(name).bias", on: device) : nil
      let statistics = Tensor(uninitialized: Shape(x.rows, 2), on: device)
      let y = Tensor(uninitialized: x.shape, on: device), dx = Tensor(uninitialized: x.shape, on: device)
      y.setNorm(
        kind, of: x, gain: gain, bias: bias, epsilon: try golden.number("\(name).epsilon"),
        statistics: statistics)
      #expect(relativeError(y.floats, try golden.floats("\(name).y")) < 2e-6, "\(name)")

      let dy = try golden.tensor("\(name).dy", on: device)
      let dGain = Tensor(uninitialized: gain.shape, on: device),
        dBias = Tensor(uninitialized: gain.shape, on: device)
      dGain.fill(1)
      dBias.fill(2)
      dx.setNormGradient(
        kind, dy, at: x, gain: gain, statistics: statistics, residual: nil, gainGradient: dGain,
        biasGradient: kind.hasBias ? dBias : nil)
      let expected = try golden.floats("\(name).dx")
      #expect(relativeError(dx.floats, expected) < 5e-6, "\(name)")
      #expect(
        relativeError(dGain.floats.map { $0 - 1 }, try golden.floats("\(name).dweight")) < 5e-6, "\(name)")
      if kind.hasBias {
        #expect(
          relativeError(dBias.floats.map { $0 - 2 }, try golden.floats("\(name).dbias")) < 5e-6, "\(name)")
      }
      dx.setNormGradient(
        kind, dy, at: x, gain: gain, statistics: statistics, residual: dy, gainGradient: dGain,
        biasGradient: kind.hasBias ? dBias : nil)
      let joined = zip(expected, dy.floats).map { $0 + $1 }
      #expect(relativeError(dx.floats, joined) < 5e-6, "\(name) with a residual")
    }
  }

  @Test("rotary embedding turns, and turns back", arguments: Kernels.all)
  func rotary(kernels: Kernels) throws {
    let golden = try GoldenFile("rotary"), device = kernels.device
    for name in golden.cases {
      let sizes = try golden.sizes("\(name).x"), positions = try golden.integers("\(name).positions")
      let table = RotaryTable(
        width: Int(try golden.integers("\(name).rotated")[0]), positions: Int(positions.max() ?? 0) + 1,
        base: Double(try golden.number("\(name).base")), on: device)
      let at = Tensor(positions, Shape(positions.count), on: device)
      let rows = Shape(sizes[0], sizes[1] * sizes[2])
      let x = try golden.tensor("\(name).x", on: device).reshaped(rows)
      table.rotate(x, headWidth: sizes[2], positions: at)
      #expect(relativeError(x.floats, try golden.floats("\(name).y")) < 1e-6, "\(name)")
      let dy = try golden.tensor("\(name).dy", on: device).reshaped(rows)
      table.rotate(dy, headWidth: sizes[2], positions: at, inverse: true)
      #expect(relativeError(dy.floats, try golden.floats("\(name).dx")) < 1e-6, "\(name)")
    }
  }

  @Test("causal attention with shared heads, on columns of one fused product", arguments: Kernels.all)
  func attention(kernels: Kernels) throws {
    let golden = try GoldenFile("attention"), device = kernels.device
    for name in golden.cases {
      let sizes = try golden.sizes("\(name).q"), kvHeads = try golden.sizes("\(name).k")[2]
      let (rows, width) = (sizes[0] * sizes[1], sizes[3])
      let (queries, shared) = (sizes[2] * width, kvHeads * width)
      let q = 0..<queries, k = queries..<queries + shared, v = queries + shared..<queries + 2 * shared
      let parts = try ["q", "k", "v"].map { try golden.floats("\(name).\($0)") }
      let fused = Tensor(Self.beside(parts, rows: rows), Shape(rows, v.upperBound), on: device)
      let gradient = Tensor(uninitialized: fused.shape, on: device)
      let output = Tensor(uninitialized: Shape(rows, queries), on: device)
      let logSum = Tensor(uninitialized: Shape(sizes[0] * sizes[2], sizes[1]), on: device)
      let attention = Attention(
        batch: sizes[0], length: sizes[1], heads: sizes[2], keyValueHeads: kvHeads, headWidth: width)
      attention.forward(
        q: fused.columns(q), k: fused.columns(k), v: fused.columns(v), output: output, logSum: logSum)
      #expect(relativeError(output.floats, try golden.floats("\(name).y")) < 2e-6, "\(name)")
      #expect(relativeError(logSum.floats, try golden.floats("\(name).log_sum_exp")) < 1e-6, "\(name)")
      attention.backward(
        try golden.tensor("\(name).dy", on: device).reshaped(output.shape), q: fused.columns(q),
        k: fused.columns(k), v: fused.columns(v), output: output, logSum: logSum, dq: gradient.columns(q),
        dk: gradient.columns(k), dv: gradient.columns(v))
      for (part, columns) in [("dq", q), ("dk", k), ("dv", v)] {
        let error = relativeError(gradient.columns(columns).floats, try golden.floats("\(name).\(part)"))
        #expect(error < 5e-6, "\(name).\(part): \(error)")
      }
    }
  }

  @Test("cross-entropy and its gradient; ignored targets count nothing", arguments: Kernels.all)
  func crossEntropy(kernels: Kernels) throws {
    let golden = try GoldenFile("cross_entropy"), device = kernels.device
    for name in golden.cases {
      let logits = try golden.tensor("\(name).logits", on: device)
      let ids = try golden.integers("\(name).targets")
      let targets = Tensor(ids, Shape(ids.count), on: device)
      let losses = Tensor(uninitialized: Shape(ids.count), on: device)
      let count = Float(try golden.integers("\(name).count")[0])
      let original = logits.floats
      logits.crossEntropy(targets: targets, losses: losses)
      #expect(logits.floats == original, "without a gradient the logits stay")
      logits.crossEntropy(targets: targets, losses: losses, gradientWeight: 1 / count)
      #expect(relativeError(losses.floats, try golden.floats("\(name).losses")) < 1e-6, "\(name)")
      #expect(relativeError([Float(losses.sum) / count], try golden.floats("\(name).loss")) < 1e-6, "\(name)")
      #expect(relativeError(logits.floats, try golden.floats("\(name).dlogits"), floor: 0) < 1e-6, "\(name)")
      for (row, id) in ids.enumerated() where id < 0 {
        #expect(losses.floats[row] == 0 && logits.rows(row..<row + 1).floats.allSatisfy { $0 == 0 })
      }
    }
  }

  /// Matrices of the same number of rows, side by side.
  static func beside(_ parts: [[Float]], rows: Int) -> [Float] {
    (0..<rows).flatMap { row in
      parts.flatMap { part in
        let width = part.count / rows
        return part[row * width..<(row + 1) * width]
      }
    }
  }
}
