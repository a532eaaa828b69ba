import JSON
import NIOCore
import Testing

@testable import Serving

@Suite("JSON that goes out")
struct JSONOutputTests {
  @Test("strings come back from what is written, all characters of them")
  func writes() throws {
    let text = String(String.UnicodeScalarView((0..<0x250).compactMap { Unicode.Scalar($0) })) + "東\u{2028}😀"
    var output = JSONOutput()
    output.string(text)
    let bytes = Array(output.buffer.readableBytesView)
    #expect(try JSON.decode(bytes) == .string(text))
    #expect(try JSONParser.parse(bytes) == .string(text))
    #expect(!bytes.contains { $0 < 0x20 })
  }

  @Test("numbers are written with the digits that read back as the same double")
  func numbers() throws {
    for number in [0.1, -1.0 / 3, 1e-300, 1e22, -87.123456789, .leastNonzeroMagnitude, 5] {
      var output = JSONOutput()
      output.number(number)
      #expect(try JSON.decode(Array(output.buffer.readableBytesView)).number == number)
    }
    var output = JSONOutput()
    output.number(Double.nan)
    output.comma()
    output.number(-Double.infinity)
    #expect(String(buffer: output.buffer) == "null,-9999.0")
  }
}
