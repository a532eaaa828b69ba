/// How an engine shares its time and memory among requests.
package struct EngineConfig: Sendable {
  /// Tokens computed in a step: what a prompt makes texts that are being written wait for.
  package var stepTokens = 512
  /// Texts that are in a step together at most.
  package var runningLimit = 256
  /// Requests' choices that may wait.
  package var queueLimit = 4096
  /// Whether beginnings of texts are kept and found again.
  package var keepsPrefixes = true
  /// Events that a reader may be behind before its text waits for it.
  package var backlogLimit = 256

  package init() {}
}
