import HTTPTypes

/// The addresses that a server has.
enum Route: Equatable {
  case page
  case health
  case metrics
  case openAPI
  case models
  case model(String)
  case completions
  case chat
  case embeddings
  case tokenize
  case detokenize
  case tokenizerInfo

  /// The route of a path; nil: there is nothing.
  init?(path: String) {
    switch path {
    case "/": self = .page
    case "/health": self = .health
    case "/metrics": self = .metrics
    case "/openapi.json": self = .openAPI
    case "/v1/models": self = .models
    case "/v1/completions": self = .completions
    case "/v1/chat/completions": self = .chat
    case "/v1/embeddings": self = .embeddings
    case "/tokenize": self = .tokenize
    case "/detokenize": self = .detokenize
    case "/tokenizer_info": self = .tokenizerInfo
    default:
      // Names of models may have slashes.
      let prefix = "/v1/models/"
      guard path.hasPrefix(prefix) else { return nil }
      self = .model(String(path.dropFirst(prefix.count)))
    }
  }

  /// For metrics: no part of it comes from the client.
  var label: String {
    switch self {
    case .page: "/"
    case .health: "/health"
    case .metrics: "/metrics"
    case .openAPI: "/openapi.json"
    case .models: "/v1/models"
    case .model: "/v1/models/{model}"
    case .completions: "/v1/completions"
    case .chat: "/v1/chat/completions"
    case .embeddings: "/v1/embeddings"
    case .tokenize: "/tokenize"
    case .detokenize: "/detokenize"
    case .tokenizerInfo: "/tokenizer_info"
    }
  }

  var isPosted: Bool {
    switch self {
    case .completions, .chat, .embeddings, .tokenize, .detokenize: true
    default: false
    }
  }

  /// The methods it takes, for `Allow`.
  var methods: String { isPosted ? "POST, OPTIONS" : "GET, HEAD, OPTIONS" }

  /// Whether everybody may read it: the page holds no secret, and health checks have no keys.
  var isOpen: Bool { self == .page || self == .health }
}
