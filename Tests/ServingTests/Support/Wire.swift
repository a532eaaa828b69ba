import NIOCore
import NIOPosix

/// What a server answered.
struct Reply {
  var status: Int
  /// Names in lower case.
  var headers: [String: String]
  var body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
  var json: JSON { get throws { try JSON.decode(body) } }

  /// The data of server-sent events.
  var events: [String] {
    text.split(separator: "\n\n").map { String($0.dropFirst("data: ".count)) }
  }

  /// The objects of a stream that ended well.
  var chunks: [JSON] {
    get throws {
      var events = events
      guard events.popLast() == "[DONE]" else { throw WireError.badReply(text) }
      return try events.map { try JSON.decode(Array($0.utf8)) }
    }
  }
}

enum WireError: Error {
  case closed
  case badReply(String)
}

/// A connection, as bytes.
final class Wire {
  let channel: any Channel
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private var buffer: [UInt8] = []

  init(
    _ channel: any Channel, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
    _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) {
    self.channel = channel
    self.inbound = inbound.makeAsyncIterator()
    self.outbound = outbound
  }

  static func with<Value: Sendable>(_ port: Int, _ body: @Sendable (Wire) async throws -> Value) async throws
    -> Value
  {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelOption(.maxMessagesPerRead, value: 1)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await body(Wire(channel.channel, inbound, outbound))
    }
  }

  func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }
  func send(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

  /// Waits for more; false: the server has closed.
  func receive() async -> Bool {
    guard let part = try? await inbound.next() else { return false }
    buffer.append(contentsOf: part.readableBytesView)
    return true
  }

  var received: [UInt8] { buffer }

  private func line() async throws -> String {
    while true {
      if let end = buffer.firstIndex(of: 0x0A) {
        let line = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeSubrange(...end)
        return line.hasSuffix("\r") ? String(line.dropLast()) : line
      }
      guard await receive() else { throw WireError.closed }
    }
  }

  private func take(_ count: Int) async throws -> [UInt8] {
    while buffer.count < count { guard await receive() else { throw WireError.closed } }
    defer { buffer.removeFirst(count) }
    return Array(buffer.prefix(count))
  }

  /// Reads one answer; of a head, no body.
  func reply(hasBody: Bool = true) async throws -> Reply {
    let (status, headers) = try await head()
    var body: [UInt8] = []
    if hasBody, headers["transfer-encoding"] == "chunked" {
      while true {
        let count = Int(try await line(), radix: 16) ?? 0
        body += try await take(count)
        _ = try await line()
        if count == 0 { break }
      }
    } else if hasBody, let count = headers["content-length"].flatMap({ Int($0) }) {
      body = try await take(count)
    }
    return Reply(status: status, headers: headers, body: body)
  }

  func head() async throws -> (Int, [String: String]) {
    let first = try await line().split(separator: " ")
    guard first.count >= 2, let status = Int(first[1]) else { throw WireError.badReply("\(first)") }
    var headers: [String: String] = [:]
    while true {
      let line = try await line()
      if line.isEmpty { return (status, headers) }
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description
    }
  }
}
