import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// OpenAI's HTTP API over a model.
///
/// Runs until its task is cancelled, its service group shuts down, or `shutdown` is called: then it takes no more
/// connections, finishes the responses that run (those that need longer than `timeouts.drain` are ended), and
/// returns.
package final class Server: Service {
  private let config: ServerConfig
  private let endpoints: Endpoints
  private let logger: Logger
  private let onStart: @Sendable (_ port: Int) async -> Void
  private let group: ServiceGroup

  /// - Parameter onStart: called with the port once connections are taken.
  package init(
    _ config: ServerConfig, _ slot: ModelSlot, logger: Logger = Logger(label: "serving"),
    onStart: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.config = config
    self.logger = logger
    self.onStart = onStart
    let endpoints = Endpoints(config, slot)
    self.endpoints = endpoints
    // The framework's own messages are for people who debug it.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      responder: Responder(endpoints: endpoints),
      server: .http1(configuration: Self.channel(config)),
      configuration: ApplicationConfiguration(
        address: .hostname(config.host, port: config.port), serverName: "needletail",
        availableConnectionsDelegate: .maximum(config.limits.connections, logger: quiet)),
      onServerRunning: { channel in await onStart(channel.localAddress?.port ?? config.port) },
      logger: quiet)
    var options = ServiceGroupConfiguration(services: [application], logger: quiet)
    // After the drain, responses are ended; connections that even then stand are cut off.
    options.maximumGracefulShutdownDuration = config.timeouts.drain + .seconds(5)
    group = ServiceGroup(configuration: options)
  }

  private static func channel(_ config: ServerConfig) -> HTTP1Channel.Configuration {
    HTTP1Channel.Configuration(
      additionalChannelHandlers: [ConnectionHandler(config)],
      idleTimeout: TimeAmount(config.timeouts.idle),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: config.limits.headerBytes, maxHeaderListSize: config.limits.headerBytes,
        maxHeaderFieldCount: config.limits.headerFields))
  }

  package func run() async throws {
    // A task of its own, since cancellation must not cut off what runs.
    let group = group
    let running = Task { try await group.run() }
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await running.value
      } onGracefulShutdown: {
        self.beginShutdown()
      }
    } onCancel: {
      self.beginShutdown()
    }
  }

  /// Begins to shut down; `run` returns when that is done.
  package func shutdown() { beginShutdown() }

  private func beginShutdown() {
    let (group, endpoints, drain) = (group, endpoints, config.timeouts.drain)
    endpoints.startDraining()
    Task {
      await group.triggerGracefulShutdown()
      try? await Task.sleep(for: drain)
      endpoints.runs.endAll()
    }
  }
}
