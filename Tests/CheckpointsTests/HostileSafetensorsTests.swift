import Tensors
import Testing

@testable import Checkpoints

/// A header that must be refused, over `dataCount` bytes of data.
struct HostileHeader: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let json: String
  let dataCount: Int
  /// What the sentence must say.
  let says: [String]

  init(_ name: String, _ json: String, dataCount: Int = 8, says: String...) {
    testDescription = name
    self.json = json
    self.dataCount = dataCount
    self.says = says
  }

  static func tensor(
    _ name: String = "w", dtype: String = "F32", shape: String = "[2]", offsets: String = "[0,8]"
  ) -> String {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  static let all = [
    HostileHeader("not JSON", "hello", says: "lacks a { at byte 0"),
    HostileHeader("empty", "", says: "lacks a {"),
    HostileHeader("deep", String(repeating: "[", count: 1_000_000), says: "lacks a {"),
    HostileHeader("deep within", "{\"w\":" + String(repeating: "{\"a\":", count: 100_000), says: "\"a\""),
    HostileHeader("unclosed", "{" + tensor(), says: "lacks a }"),
    HostileHeader("unclosed name", "{\"w", says: "ends within a string"),
    HostileHeader("goes on", "{\(tensor())}{}", says: "goes on after its end"),
    HostileHeader("twice", "{\(tensor()),\(tensor())}", says: "\"w\" twice"),
    HostileHeader("metadata twice", #"{"__metadata__":{"a":"b","a":"c"}}"#, says: "\"a\" twice"),
    HostileHeader("metadata of numbers", #"{"__metadata__":{"a":1}}"#, says: "lacks a \""),
    HostileHeader("type", "{\(tensor(dtype: "F31"))}", says: "\"w\"", "\"F31\"", "BF16"),
    HostileHeader("no type", #"{"w":{"shape":[2],"data_offsets":[0,8]}}"#, says: "\"w\" without its dtype"),
    HostileHeader("other key", #"{"w":{"colour":"red"}}"#, says: "\"w\" with \"colour\""),
    HostileHeader("negative size", "{\(tensor(shape: "[-2]"))}", says: "no size or offset"),
    HostileHeader("fraction", "{\(tensor(shape: "[2.5]"))}", says: "lacks a ]"),
    HostileHeader("huge size", "{\(tensor(shape: "[99999999999999999999]"))}", says: "no size or offset"),
    HostileHeader(
      "overflow", "{\(tensor(shape: "[4611686018427387904,4]"))}", says: "\"w\"", "more than memory"),
    HostileHeader("bytes mismatch", "{\(tensor(shape: "[3]"))}", says: "\"w\" has 8 bytes", "need 12"),
    HostileHeader("backwards", "{\(tensor(offsets: "[8,0]"))}", says: "\"w\"", "[8, 0]"),
    HostileHeader("three offsets", "{\(tensor(offsets: "[0,4,8]"))}", says: "\"w\"", "[0, 4, 8]"),
    HostileHeader(
      "out of the file", "{\(tensor(offsets: "[0,8]"))}", dataCount: 7, says: "\"w\" ends at byte 8"),
    HostileHeader(
      "far out", "{\(tensor(shape: "[2305843009213693950]", offsets: "[0,9223372036854775800]"))}",
      says: "\"w\" ends at byte"),
    HostileHeader("hole", "{\(tensor(offsets: "[4,12]"))}", dataCount: 12, says: "\"w\"", "leaves a hole"),
    HostileHeader(
      "overlap", "{\(tensor()),\(tensor("v", offsets: "[4,12]"))}", dataCount: 12, says: "\"v\"", "overlaps"),
    HostileHeader("data left over", "{\(tensor())}", dataCount: 9, says: "describes 8 bytes", "has 9"),
    HostileHeader("lone surrogate", #"{"\ud800":1}"#, says: "escape"),
    HostileHeader("bad escape", #"{"\q":1}"#, says: "escape"),
    HostileHeader("control character", "{\"a\nb\":1}", says: "control character"),
    HostileHeader(
      "endless name", "{\(tensor(String(repeating: "x", count: 100_000), dtype: "F31"))}", says: "xxx…"),
  ]
}

@Suite struct HostileSafetensorsTests {
  private func header(_ json: [UInt8], dataCount: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
      + [UInt8](repeating: 0, count: dataCount)
  }

  @Test("a hostile header is refused in one sentence that names the file", arguments: HostileHeader.all)
  func refused(hostile: HostileHeader) throws {
    let scratch = try Scratch()
    let path = try scratch.write(header(Array(hostile.json.utf8), dataCount: hostile.dataCount), to: "a")
    let failure = try #require(throws: CheckpointFailure.self) { try SafetensorsFile(path) }
    #expect(failure.path == path)
    for words in hostile.says { #expect(failure.reason.contains(words), "\(failure)") }
    #expect(failure.description.count < 1000 && !failure.reason.contains("\n"))
  }

  @Test("a file too short for its header is refused")
  func short() throws {
    let scratch = try Scratch()
    for (bytes, words) in [
      ([], "0 bytes"), ([1, 2, 3], "3 bytes"), ([9, 0, 0, 0, 0, 0, 0, 0, 123], "truncated"),
      ([UInt8](repeating: 255, count: 64), "claims 18446744073709551615 bytes"),
      (header([0x7B, 0x22, 0xFF, 0x22], dataCount: 0), "UTF-8"),
    ] as [([UInt8], String)] {
      let path = try scratch.write(bytes, to: "a")
      let failure = #expect(throws: CheckpointFailure.self) { try SafetensorsFile(path) }
      #expect(failure?.reason.contains(words) == true, "\(String(describing: failure))")
    }
    #expect(throws: CheckpointFailure.self) { try SafetensorsFile(scratch.file("absent")) }
    #expect(throws: CheckpointFailure.self) { try SafetensorsFile(scratch.path) }
  }

  @Test("no change of a byte and no truncation makes an entry leave the file")
  func fuzz() throws {
    let good = try bytes(fixture("python.safetensors"))
    let headerCount = 8 + Int(good[0]) + Int(good[1]) << 8
    var refusals = 0
    var random = RandomKey(seed: 1).value
    for round in 0..<20_000 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var bad = good
      if round % 5 == 0 {
        bad.removeLast(1 + Int(random >> 33) % good.count)
      } else {
        bad[Int(random >> 33) % headerCount] = UInt8(truncatingIfNeeded: random >> 20)
      }
      do {
        let header = try bad.withUnsafeBytes { try SafetensorsHeader($0, path: "a") }
        for entry in header.entries {
          #expect(header.dataStart + entry.bytes.upperBound <= bad.count)
        }
      } catch is CheckpointFailure { refusals += 1 }
    }
    #expect(refusals > 10_000)
  }
}
