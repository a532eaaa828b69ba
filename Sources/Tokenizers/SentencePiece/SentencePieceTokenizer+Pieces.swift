/// What the pieces of a model mean to us.
extension SentencePieceTokenizer {
  /// `normalizer_spec { add_dummy_prefix: false }`: behind a model, it overrides what the model says, since
  /// Protocol Buffers merge a message that comes twice.
  static let withoutDummyPrefix: [UInt8] = [0x1A, 0x02, 0x18, 0x00]

  /// By byte: the id of its piece; empty unless all 256 are there.
  static func byteIds(_ model: SentencePieceModel) -> [Int32] {
    var ids = Array(repeating: Int32(-1), count: 256)
    for (id, piece) in model.pieces.enumerated() where piece.kind == .byte {
      if let byte = SentencePieceModel.byte(piece.text) { ids[Int(byte)] = Int32(id) }
    }
    return ids.contains(-1) ? [] : ids
  }

  /// The bytes a piece adds to a text.
  static func bytes(of piece: SentencePieceModel.Piece, _ model: SentencePieceModel) -> [UInt8] {
    switch piece.kind {
    case .control: return []
    case .unknown: return model.unknownSurface
    case .byte: return SentencePieceModel.byte(piece.text).map { [$0] } ?? []
    case .normal, .userDefined, .unused: break
    }
    return SentencePieceModel.spaced(piece.text)
  }

  /// `<s>`, `</s>` and the other control symbols.
  static func control(_ model: SentencePieceModel) -> [AddedTokens.Token] {
    model.pieces.enumerated().filter { $0.element.kind == .control }.map {
      AddedTokens.Token(text: $0.element.text, id: Int32($0.offset), isSpecial: true)
    }
  }

  /// `id` if the model has it and its piece is of `kind`.
  static func id(_ id: Int32, _ kind: SentencePieceModel.Kind, _ model: SentencePieceModel) -> Int32? {
    guard id >= 0, id < model.pieces.count, model.pieces[Int(id)].kind == kind else { return nil }
    return id
  }
}
