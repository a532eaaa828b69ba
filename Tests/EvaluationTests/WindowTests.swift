import Testing

@testable import Evaluation

@Suite struct WindowTests {
  let golden: Golden
  init() throws { golden = try Golden.load() }

  private func described(_ windows: [Window]) -> [[Int]] {
    windows.map { [Int($0.tokens.first ?? -2), $0.inputCount, $0.scored] }
  }

  @Test("sliding windows are Megatron-LM's, but for those that score nothing")
  func sliding() throws {
    #expect(golden.sliding.count > 50)
    for wanted in golden.sliding {
      let ids = (0..<wanted.count).map(Int32.init)
      let windows = [Window].sliding(over: ids, length: wanted.length, stride: try #require(wanted.stride))
      #expect(described(windows) == wanted.windows)
      // Each token but the first once.
      #expect(windows.flatMap { $0.tokens.suffix($0.scored) } == Array(ids.dropFirst()))
    }
  }

  @Test("rolling windows are lm-eval's")
  func rolling() {
    for wanted in golden.rolling {
      let ids = (0..<wanted.count).map(Int32.init)
      let windows = [Window].rolling(over: ids, prefix: -1, length: wanted.length)
      #expect(described(windows) == wanted.windows)
      #expect(windows.flatMap { $0.tokens.suffix($0.scored) } == ids)
    }
  }

  @Test("a context that is too long loses its beginning")
  func cut() {
    let window = Window(context: [1, 2, 3, 4, 5], continuation: [6, 7], length: 4)
    #expect(Array(window.tokens) == [3, 4, 5, 6, 7] && window.scored == 2 && window.inputCount == 4)
    let whole = Window(context: [1, 2], continuation: [3], length: 4)
    #expect(Array(whole.tokens) == [1, 2, 3])
  }
}
