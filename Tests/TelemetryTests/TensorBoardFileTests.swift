import Foundation
import Testing

@testable import Telemetry

@Suite struct TensorBoardFileTests {
  @Test("CRC-32C agrees with RFC 3720's examples") func checksums() {
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)[...]) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)[...]) == 0x62A8_AB43)
    #expect(CRC32C.checksum(Array(0..<32)[...]) == 0x46DD_794E)
    #expect(CRC32C.checksum(Array("123456789".utf8)[...]) == 0xE306_9283)
  }

  /// Fixtures/scalars.tfevents: written by TensorBoard's own writer (make_fixtures.py).
  @Test("an event file is byte for byte TensorBoard's own") func golden() throws {
    let folder = try TemporaryFolder()
    let file = try TensorBoardFile(path: folder.path + "/golden", time: 1_700_000_000.25)
    try file.write(step: 1, [Scalar("train/loss", 2.5), Scalar("é", -1e-3)], time: 1_700_000_001.5)
    try file.write(step: 300, [Scalar("train/loss", .infinity)], time: 1_700_000_002)
    try file.writeRestart(at: 41, time: 1_700_000_003)
    let expected = try Data(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Fixtures/scalars.tfevents"))
    #expect(try Data(contentsOf: URL(filePath: file.path)) == expected)
  }

  @Test("the file's name is the one TensorBoard looks for") func naming() throws {
    let folder = try TemporaryFolder()
    let file = try TensorBoardFile(folder.path, resumingAfter: 3)
    try file.write(
      StepMetrics(step: 4, loss: 2, gradientNorm: 1, learningRate: 1, tokens: 8, seconds: 2))
    #expect(try folder.names.count == 1)
    #expect(file.path.contains(#/\/events\.out\.tfevents\.\d{10}\.[^\/]+$/#))
    #expect {
      try TensorBoardFile("/nowhere")
    } throws: { "\($0)".contains("no such directory") }
  }
}
