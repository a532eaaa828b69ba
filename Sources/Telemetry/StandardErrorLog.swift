import Logging

/// Log messages as one clean line each on standard error: time, level, message, metadata; the label only
/// where debug messages are shown.
///
///     09:05:07 info  read the corpus documents=1204
package struct StandardErrorLog: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let terminal: Terminal

  package init(_ label: String, level: Logger.Level = .info, terminal: Terminal = .standardError) {
    self.label = label
    self.terminal = terminal
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Makes every `Logger` of the process write here. Once, at the start of a command.
  package static func install(level: Logger.Level) {
    LoggingSystem.bootstrap { StandardErrorLog($0, level: level) }
  }

  package func log(event: LogEvent) {
    let provided = metadataProvider?.get() ?? [:]
    let all = metadata.merging(provided) { $1 }.merging(event.metadata ?? [:]) { $1 }
    terminal.writeLine(
      Self.line(
        time: WallClock.timeOfDay, level: event.level, label: logLevel <= .debug ? label : nil,
        message: event.message.description, metadata: all))
  }

  static func line(
    time: String, level: Logger.Level, label: String?, message: String, metadata: Logger.Metadata
  ) -> String {
    let name = level.rawValue
    let padding = String(repeating: " ", count: max(0, 5 - name.count))
    let pairs = metadata.sorted { $0.key < $1.key }
      .map { " \($0.key)=\(isSecret($0.key) ? "•••" : $0.value.description)" }.joined()
    let text = "\(time) \(name)\(padding) \(label.map { "[\($0)] " } ?? "")\(message)\(pairs)"
    // A message holds what files and users say: it must not move the cursor or start a line.
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028
      || scalar.value == 0x2029
  }

  private static func isSecret(_ key: String) -> Bool {
    ["password", "passphrase", "secret", "token", "api_key", "apikey", "authorization", "cookie"]
      .contains(key.lowercased())
  }
}
