import Hummingbird
import NIOCore

/// An answer as server-sent events. Events that come together go out in one write, and no more are read from the
/// engine until a write has been taken.
enum EventStream {
  static func write<Format: AnswerFormat>(
    _ answer: inout Answer<Format>, to writer: inout any ResponseBodyWriter
  ) async throws {
    let format = answer.format
    var output = JSONOutput()
    for choice in 0..<answer.choiceCount {
      output.event { format.opening(choice, to: &$0) }
    }
    do {
      try await answer.forEachDelta { choice, delta in
        output.event { format.chunk(delta, choice, to: &$0) }
      } flush: {
        guard output.buffer.readableBytes > 0 else { return }
        try await writer.write(output.buffer)
        output.buffer.clear()
      }
    } catch AnswerInterruption.shutdown {
      output.event { $0.error(.unavailable("the server is shutting down")) }
      try await writer.write(output.buffer)
      try await writer.finish(nil)
      return
    }
    if answer.job.includesUsage {
      output.event { format.ending(answer.usage, to: &$0) }
    }
    output.raw("data: [DONE]\n\n")
    try await writer.write(output.buffer)
    try await writer.finish(nil)
  }
}

extension JSONOutput {
  /// An event with the JSON that `write` writes; none where it writes nothing.
  mutating func event(_ write: (inout JSONOutput) -> Void) {
    let start = buffer.writerIndex
    raw("data: ")
    let body = buffer.writerIndex
    write(&self)
    if buffer.writerIndex == body {
      buffer.moveWriterIndex(to: start)
    } else {
      raw("\n\n")
    }
  }
}
