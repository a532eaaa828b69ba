import Foundation
import Telemetry
import Testing

@Suite struct MetricsFileTests {
  let folder: TemporaryFolder
  let path: String
  init() throws {
    folder = try TemporaryFolder()
    path = folder.path + "/metrics.jsonl"
  }

  func step(_ step: Int, loss: Double = 2.5) -> StepMetrics {
    StepMetrics(step: step, loss: loss, gradientNorm: 1, learningRate: 3e-4, tokens: 4096, seconds: 0.25)
  }

  @Test("a step is one line of JSON with all digits, NaN as null") func lines() throws {
    let file = try MetricsFile(path)
    try file.write(step(1, loss: 1.0 / 3))
    var bad = step(2, loss: .nan)
    bad.gradientNorm = .infinity
    bad.learningRate = 1e-5
    bad.extras = [Scalar("held_out_loss", 2.75), Scalar("a\"\\\n", -0.0)]
    try file.write(bad)
    #expect(
      try folder.text("metrics.jsonl") == """
        {"step":1,"loss":0.3333333333333333,"gradient_norm":1.0,"learning_rate":0.0003,"tokens":4096,"seconds":0.25}
        {"step":2,"loss":null,"gradient_norm":null,"learning_rate":1e-05,"tokens":4096,"seconds":0.25,\
        "held_out_loss":2.75,"a\\"\\\\\\u000a":-0.0}

        """)
    for line in try folder.text("metrics.jsonl").split(separator: "\n") {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
  }

  @Test("a resumed run has each step once, whatever the killed run left") func resume() throws {
    for tail in ["", "{\"step\":5,\"lo", "{\"st", "garbage"] {
      var file: MetricsFile? = try MetricsFile(path)
      for number in 1...4 { try file?.write(step(number)) }
      file = nil
      let handle = try #require(FileHandle(forWritingAtPath: path))
      handle.seekToEndOfFile()
      handle.write(Data(tail.utf8))
      try handle.close()
      file = try MetricsFile(path, resumingAfter: 3)
      try file?.write(step(4, loss: 9))
      let text = try folder.text("metrics.jsonl")
      #expect(
        text.split(separator: "\n").map { $0.prefix(10) }
          == (1...4).map { "{\"step\":\($0),"[...].prefix(10) })
      #expect(text.hasSuffix("\n") && text.contains("\"step\":4,\"loss\":9.0,"))
    }
  }

  @Test("resuming a long file cuts at the right line") func longResume() throws {
    let file = try MetricsFile(path)
    for number in 1...3000 { try file.write(step(number)) }
    try MetricsFile(path, resumingAfter: 1999).write(step(2000, loss: 1))
    let lines = try folder.text("metrics.jsonl").split(separator: "\n")
    #expect(lines.count == 2000)
    #expect(lines.last?.hasPrefix("{\"step\":2000,\"loss\":1.0") == true)
  }

  @Test("a new run empties the file; a first run may resume from nothing") func freshStart() throws {
    try MetricsFile(path).write(step(1))
    _ = try MetricsFile(path)
    #expect(try folder.text("metrics.jsonl") == "")
    try FileManager.default.removeItem(atPath: path)
    try MetricsFile(path, resumingAfter: 0).write(step(1))
    #expect(try folder.text("metrics.jsonl").hasPrefix("{\"step\":1,"))
  }

  @Test("resuming spares a file that holds no metrics") func foreign() throws {
    try "my diary\nday two\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect { try MetricsFile(path, resumingAfter: 1) } throws: {
      "\($0)".hasSuffix("holds no metrics of a run, name another file")
    }
    #expect(try folder.text("metrics.jsonl") == "my diary\nday two\n")
    #expect { try MetricsFile("/nowhere/m.jsonl") } throws: {
      "\($0)" == "/nowhere/m.jsonl: cannot open for writing: no such directory; create it or check the path"
    }
  }

  @Test(
    "a full disk is said in one sentence", .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func fullDisk() throws {
    let file = try MetricsFile("/dev/full")
    #expect { try file.write(step(1)) } throws: {
      "\($0)" == "/dev/full: cannot write: the disk is full; free some space"
    }
  }
}
