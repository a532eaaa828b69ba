import Foundation
import Testing

@testable import Telemetry

@Suite struct LossCurveTests {
  @Test("ticks stand at round numbers inside the range") func ticks() {
    let axis = ChartAxis([2.9, 10.8], from: 0, to: 100)
    #expect(axis.ticks().map(axis.label) == ["4", "6", "8", "10"])
    let fine = ChartAxis([0.01, 0.03], from: 0, to: 1)
    #expect(fine.ticks().map(fine.label) == ["0.010", "0.015", "0.020", "0.025", "0.030"])
    let long = ChartAxis([1, 80_000], from: 0, to: 1)
    #expect(long.ticks().map(long.label) == ["20k", "40k", "60k", "80k"])
    let log = ChartAxis([1, 5000], scale: .logarithmic, from: 0, to: 1)
    #expect(log.ticks().map(log.label) == ["1", "10", "100", "1000"])
  }

  @Test("positions stay on the page, whatever the values") func positions() throws {
    for values in [[], [5], [.nan], [-1, 0], [.infinity, 1], [.leastNonzeroMagnitude, 1e308]] as [[Double]] {
      for scale in [ChartAxis.Scale.linear, .logarithmic] {
        let axis = ChartAxis(values, scale: scale, from: 10, to: 20)
        for value in values + [3] {
          if let position = axis.position(value) { #expect((10...20).contains(position)) }
        }
        #expect(axis.ticks().count < 20)
      }
    }
    let axis = ChartAxis([1, 100], scale: .logarithmic, from: 0, to: 100)
    #expect(abs(try #require(axis.position(10)) - 50) < 1e-9)
    #expect(axis.position(0) == nil)
  }

  @Test("the smoothed curve follows the mean and passes over gaps") func smoothing() {
    let points = (1...1000).map { LossCurve.Point(step: $0, loss: $0 % 2 == 0 ? 4 : 2) }
    let smooth = LossCurve.smoothed(points)
    #expect(abs(smooth[999].loss - 3) < 0.1)
    let falling = (1...1000).map { LossCurve.Point(step: $0, loss: 1000 - Double($0)) }
    for (raw, mean) in zip(falling, LossCurve.smoothed(falling)).dropLast(20) {
      #expect(abs(raw.loss - mean.loss) < 1e-6, "no lag")
    }
    var gap = points
    gap[500] = .init(step: 501, loss: .nan)
    #expect(LossCurve.smoothed(gap)[500].loss.isNaN)
    #expect(abs(LossCurve.smoothed(gap)[501].loss - 3) < 0.1)
    #expect(LossCurve.smoothed([.init(step: 1, loss: 7)])[0].loss == 7)
  }

  static func curve(_ count: Int, isLogarithmic: Bool = false) -> LossCurve {
    var state: UInt64 = 1
    let train = (1...count).map { step in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let noise = Double(state >> 40) / Double(1 << 24) - 0.5
      return LossCurve.Point(step: step, loss: 3 + 7.8 / (1 + Double(step) / 40) + 0.5 * noise)
    }
    let heldOut = stride(from: count / 8, through: count, by: max(1, count / 8)).map {
      LossCurve.Point(step: $0, loss: 3.1 + 7.8 / (1 + Double($0) / 40))
    }
    return LossCurve(
      title: "Loss of <demo> & Söhne", train: train, heldOut: heldOut, isLogarithmic: isLogarithmic)
  }

  @Test("the file is whole, well-formed XML of bounded size", arguments: [1, 10, 100_000])
  func wholeFile(count: Int) throws {
    let folder = try TemporaryFolder()
    for isLogarithmic in [false, true] {
      try Self.curve(count, isLogarithmic: isLogarithmic).write(folder.path + "/curve.svg")
      let text = try folder.text("curve.svg")
      #expect(text.hasPrefix("<svg ") && text.hasSuffix("</svg>\n"))
      #expect(text.contains("Loss of &lt;demo&gt; &amp; Söhne"))
      #expect(!text.contains("nan") && !text.contains("inf"))
      #expect(text.utf8.count < 120_000)
      #expect(text.contains("held out"))
    }
    #expect(try folder.names == ["curve.svg"])
  }

  @Test("a NaN breaks the line, an empty run still draws its frame") func gaps() {
    let broken = LossCurve(
      title: "t", train: [.init(step: 1, loss: 1), .init(step: 2, loss: .nan), .init(step: 3, loss: 2)])
    #expect(broken.svg.contains(#/class="raw" d="M[^M]*M[^M]*"/#))
    #expect(!broken.svg.contains("held out"))
    #expect(LossCurve(title: "", train: []).svg.contains("</svg>"))
  }
}
