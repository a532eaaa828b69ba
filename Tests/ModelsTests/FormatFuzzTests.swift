import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Models

/// Files that somebody else wrote: whatever their bytes are, they make a sound model or an error of one sentence.
@Suite struct FormatFuzzTests {
  /// Numbers that are the same every time.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state ^ state >> 33) &* 0xff51_afd7_ed55_8ccd
    }
  }

  /// Bytes that JSON and headers are made of, and that break them.
  private static let words = [
    "{", "}", "[", "]", ",", ":", "\"", "0", "-1", "1e999", "99999999999999999999", "9223372036854775807",
    "null", "true",
    "{}", "[]", "\\u0000", "\u{0}", "\\ud800", "../", "NaN", "0.5", "1e300", "-1e300", "1e-300", "4294967296",
    "16777216",
    "\"model_type\"",
  ]

  private static func mutate(_ good: [UInt8], within count: Int, _ random: inout Generator) -> [UInt8] {
    var bad = good
    for _ in 0..<Int.random(in: 1...3, using: &random) where !bad.isEmpty {
      let place = Int.random(in: 0..<max(1, min(count, bad.count)), using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bad[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bad[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bad.insert(contentsOf: Array(words.randomElement(using: &random)?.utf8 ?? "".utf8), at: place)
      case 3: bad.removeSubrange(place..<min(bad.count, place + Int.random(in: 1...20, using: &random)))
      case 4:
        // A number for another.
        let word = Array(words.randomElement(using: &random)?.utf8 ?? "".utf8)
        if let digit = bad[place...].firstIndex(where: { (0x30...0x39).contains($0) }) {
          let end = bad[digit...].firstIndex { !(0x30...0x39).contains($0) } ?? bad.count
          bad.replaceSubrange(digit..<end, with: word)
        }
      default: bad.removeLast(Int.random(in: 1...min(bad.count, 40), using: &random))
      }
    }
    return bad
  }

  /// Opens the model and, where that goes well, reads it.
  private func open(_ path: String) -> Bool {
    do {
      let stored = try ModelDirectory(path).stored()
      // A long context costs memory that a test should not take.
      if stored.config.context < 1000 { _ = try stored.load(on: Device(threads: 1)) }
      return true
    } catch {
      #expect("\(error)".count < 1000)
      return false
    }
  }

  @Test(
    "no change of bytes of a configuration, an index or a header does more than be refused",
    arguments: [
      ("gpt2", "config.json"), ("nemotron", "config.json"), ("llama_shards", "config.json"),
      ("megatron_bert", "config.json"), ("llama_shards", "model.safetensors.index.json"),
      ("gpt2", "model.safetensors"),
      ("llama_shards", "model-00002-of-00003.safetensors"), ("gpt2", "generation_config.json"),
    ])
  func mutations(fixture: String, file: String) throws {
    let scratch = try Scratch()
    let path = try scratch.copy(FormatFixture(name: fixture))
    let url = URL(filePath: "\(path)/\(file)")
    let good = [UInt8](try Data(contentsOf: url))
    // Of weights, the header: any numbers are weights.
    let count = file.hasSuffix("safetensors") ? 8 + Int(good[0]) + Int(good[1]) << 8 : good.count
    var random = Generator(state: UInt64(good.count))
    var refused = 0
    for _ in 0..<400 {
      try Data(Self.mutate(good, within: count, &random)).write(to: url)
      if !open(path) { refused += 1 }
    }
    #expect(refused > 100, "\(refused) of 400 were refused")
    try Data(good).write(to: url)
    #expect(open(path))
  }

  @Test("deep, long and empty JSON is refused")
  func extremes() throws {
    let scratch = try Scratch()
    let path = try scratch.copy(FormatFixture(name: "llama_shards"))
    let deep = String(repeating: "[", count: 100_000)
    let nested = String(repeating: #"{"a":"#, count: 100_000)
    let long = "{\"a\": \"" + String(repeating: "x", count: 2 << 20) + "\"}"
    for file in ["config.json", "model.safetensors.index.json", "generation_config.json"] {
      let url = URL(filePath: "\(path)/\(file)")
      let good = try Data(contentsOf: url)
      for text in [
        "", "null", "[]", "\u{feff}", deep, nested, "{\"a\":\(deep)", "{\"rope_parameters\":\(nested)", long,
      ] {
        try Data(text.utf8).write(to: url)
        #expect(!open(path), "\(file): \(text.prefix(20))")
      }
      try good.write(to: url)
    }
    #expect(open(path))
  }
}
