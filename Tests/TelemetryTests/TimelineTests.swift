import Foundation
import Telemetry
import Testing

@Suite struct TimelineTests {
  struct Trace: Decodable {
    struct Event: Decodable {
      var name: String
      var ph: String
      var pid: Int
      var cat: String?
      var ts: Double?
      var dur: Double?
      var tid: Int?
      var args: [String: Value]?
    }
    enum Value: Decodable, Equatable {
      case number(Int)
      case word(String)
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = try (try? container.decode(Int.self)).map(Value.number) ?? .word(container.decode(String.self))
      }
    }
    var traceEvents: [Event]
    var otherData: [String: Int]
  }

  func trace(_ folder: TemporaryFolder) throws -> Trace {
    try JSONDecoder().decode(Trace.self, from: Data(folder.text("trace.json").utf8))
  }

  @Test("spans come back with name, category, time, rank and thread") func spans() throws {
    let folder = try TemporaryFolder()
    let timeline = Timeline(folder.path + "/trace.json")
    let start = ContinuousClock.now
    timeline.record(
      "forward", "compute", start: start, duration: .nanoseconds(1_234_567), rank: 1, thread: 2, index: 3)
    #expect(timeline.measure("sum", "compute") { 1 + 1 } == 2)
    #expect(throws: CancellationError.self) {
      try timeline.measure("throws", "compute") { throw CancellationError() }
    }
    try timeline.finish()
    let trace = try trace(folder)
    #expect(trace.traceEvents.filter { $0.ph == "M" }.map(\.pid) == [0, 1])
    let spans = trace.traceEvents.filter { $0.ph == "X" }
    #expect(spans.map(\.name) == ["forward", "sum", "throws"])
    #expect(spans[0].dur == 1234.567)
    #expect(spans[0].cat == "compute")
    #expect(spans[0].pid == 1)
    #expect(spans[0].tid == 2)
    #expect(spans[0].args?["index"] == .number(3))
    #expect(spans[1].args == nil)
    #expect(try folder.names == ["trace.json"])
  }

  @Test("memory is bounded: spans beyond the capacity are counted") func bounded() throws {
    let folder = try TemporaryFolder()
    let timeline = Timeline(folder.path + "/trace.json", capacity: 10)
    for _ in 0..<25 { timeline.measure("a", "b") {} }
    try timeline.finish()
    #expect(try trace(folder).traceEvents.count == 11)
    #expect(try trace(folder).otherData == ["dropped": 15])
  }

  @Test("threads share a timeline") func threads() async throws {
    let folder = try TemporaryFolder()
    let timeline = Timeline(folder.path + "/trace.json")
    await withTaskGroup { group in
      for thread in 0..<4 {
        group.addTask { for index in 0..<500 { timeline.measure("a", "b", thread: thread, index: index) {} } }
      }
    }
    try timeline.finish()
    #expect(try trace(folder).traceEvents.count == 2001)
  }

  @Test("an empty timeline is still JSON; one that is off writes nothing; a bad path is one sentence")
  func edges() throws {
    let folder = try TemporaryFolder()
    try Timeline(folder.path + "/trace.json").finish()
    #expect(try trace(folder).traceEvents.isEmpty)
    #expect(Timeline.off.measure("a", "b") { 5 } == 5)
    try Timeline.off.finish()
    #expect { try Timeline("/nowhere/t.json").finish() } throws: {
      "\($0)".hasPrefix("/nowhere/t.json: cannot")
    }
  }
}
