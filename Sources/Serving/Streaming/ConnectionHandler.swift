import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Watches one connection: bounds the time that requests take to arrive and that readers stand still, answers
/// what is no HTTP, and notices when the client goes.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  let connection = Connection()
  private let arrivalTime: TimeAmount
  private let stallTime: TimeAmount
  private let bodyLimit: Int
  /// Until the request that is arriving has come.
  private var arrival: Scheduled<Void>?
  /// Until a reader that stands still takes something.
  private var stall: Scheduled<Void>?
  /// Requests whose head has come and whose answer has not been written.
  private var requests = 0
  private var isArriving = false
  private var isAnswering = false

  init(_ config: ServerConfig) {
    arrivalTime = TimeAmount(config.timeouts.arrival)
    stallTime = TimeAmount(config.timeouts.stall)
    bodyLimit = config.limits.bodyBytes
  }

  // MARK: The connection

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { expectArrival(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { stopWatching() }

  func channelActive(context: ChannelHandlerContext) {
    expectArrival(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    stopWatching()
    connection.close()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // Who closes its side waits for no answer.
    if let event = event as? ChannelEvent, event == .inputClosed { connection.close() }
    context.fireUserInboundEventTriggered(event)
  }

  private func stopWatching() {
    arrival?.cancel()
    stall?.cancel()
    arrival = nil
    stall = nil
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      requests += 1
      isArriving = true
      // One that comes before the last is answered waits for us, not for the client.
      if requests == 1 { expectArrival(context) }
      welcome(head, context)
    case .body: break
    case .end:
      isArriving = false
      arrival?.cancel()
      arrival = nil
    }
    context.fireChannelRead(data)
  }

  private func expectArrival(_ context: ChannelHandlerContext) {
    arrival?.cancel()
    arrival = context.eventLoop.assumeIsolated().scheduleTask(in: arrivalTime) { [weak self] in
      guard let self else { return }
      self.arrival = nil
      if self.requests > 0, !self.isAnswering { self.refuse(.slow, context) }
      context.close(promise: nil)
    }
  }

  /// Some clients ask before they send a large body.
  private func welcome(_ head: HTTPRequest, _ context: ChannelHandlerContext) {
    guard head.headerFields[.expect]?.lowercased() == "100-continue", requests == 1,
      (head.headerFields[.contentLength].flatMap { Int($0) } ?? 0) <= bodyLimit
    else { return }
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? HTTPParserError, requests == 0 else { return context.fireErrorCaught(error) }
    var answer = APIError.invalid("this is not HTTP/1.1 as the server understands it")
    if error == .headerOverflow {
      answer.status = .requestHeaderFieldsTooLarge
      answer.message = "the header fields are too large"
    }
    refuse(answer, context)
    context.close(promise: nil)
  }

  private func refuse(_ error: APIError, _ context: ChannelHandlerContext) {
    var output = JSONOutput()
    output.error(error)
    let fields: HTTPFields = [
      .contentType: "application/json", .contentLength: String(output.buffer.readableBytes),
      .connection: "close",
    ]
    context.write(
      wrapOutboundOut(.head(HTTPResponse(status: error.status, headerFields: fields))), promise: nil)
    context.write(wrapOutboundOut(.body(output.buffer)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  // MARK: Responses

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head: isAnswering = true
    case .body: break
    case .end:
      isAnswering = false
      requests -= 1
      if isArriving, requests > 0 { expectArrival(context) }
    }
    context.write(data, promise: promise)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = nil
    if !context.channel.isWritable {
      stall = context.eventLoop.assumeIsolated().scheduleTask(in: stallTime) {
        context.close(promise: nil)
      }
    }
    context.fireChannelWritabilityChanged()
  }
}

@available(*, unavailable)
extension ConnectionHandler: Sendable {}
