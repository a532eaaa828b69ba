import Crypto
import FoundationEssentials

/// What the chat page may do: run its own script, style itself, and talk to its own server.
enum PagePolicy {
  /// The value of `Content-Security-Policy`. Scripts are named by their hashes, so none can be slipped in.
  static let text: String = {
    let hashes = scripts(of: "\(ChatPage.html)").map { script in
      "'sha256-\(Data(SHA256.hash(data: Array(script.utf8))).base64EncodedString())'"
    }
    return "default-src 'none'; script-src \(hashes.isEmpty ? "'none'" : hashes.joined(separator: " ")); "
      + "style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
      + "frame-ancestors 'none'"
  }()

  /// What stands between `<script>` and `</script>`.
  static func scripts(of html: String) -> [Substring] {
    var scripts: [Substring] = []
    var rest = html[...]
    while let open = rest.range(of: "<script>"), let close = rest[open.upperBound...].range(of: "</script>") {
      scripts.append(rest[open.upperBound..<close.lowerBound])
      rest = rest[close.upperBound...]
    }
    return scripts
  }
}
