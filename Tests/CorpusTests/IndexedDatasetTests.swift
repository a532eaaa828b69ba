import Testing

@testable import Corpus

@Suite struct IndexedDatasetTests {
  @Test("a dataset written as Megatron writes it reads back", arguments: ["megatron_u16", "megatron_i32"])
  func readsMegatron(name: String) throws {
    let dataset = try IndexedDataset(prefix: Fixture.path(name))
    let bytes = try Fixture.bytes("\(name).bin")
    var rebuilt: [UInt8] = []
    for document in 0..<dataset.documentCount {
      for token in try dataset.document(document) {
        let wide = withUnsafeBytes(of: token.littleEndian) { Array($0) }
        rebuilt += wide.prefix(dataset.tokenType.byteCount)
      }
    }
    #expect(rebuilt == bytes)
    #expect(dataset.tokenType == (name == "megatron_u16" ? .uint16 : .int32))
    try dataset.verify()
  }

  @Test("the writer's files equal Megatron's byte for byte", arguments: ["megatron_u16", "megatron_i32"])
  func writesMegatron(name: String) throws {
    let golden = try IndexedDataset(prefix: Fixture.path(name))
    let scratch = try Scratch()
    let writer = try IndexedDatasetWriter(
      prefix: scratch("out"), vocabularySize: golden.tokenType == .uint16 ? 65_499 : 256_000)
    for document in 0..<golden.documentCount { try writer.append(golden.document(document)) }
    #expect(try scratch.names.allSatisfy { $0.contains(".partial-") }, "nothing final before commit")
    try writer.commit()
    #expect(try scratch.names == ["out.bin", "out.idx"])
    #expect(try scratch.bytes("out.bin") == Fixture.bytes("\(name).bin"))
    #expect(try scratch.bytes("out.idx") == Fixture.bytes("\(name).idx"))
  }

  @Test("documents of several sequences, or of none, keep their bounds")
  func sentences() throws {
    let dataset = try IndexedDataset(prefix: Fixture.path("sentences_u8"))
    #expect(dataset.sequenceCount == 3)
    #expect(dataset.documentCount == 3)
    #expect(try dataset.document(0).count == 5)
    #expect(try dataset.document(1).isEmpty)
    #expect(try dataset.document(2).count == 4)
  }

  @Test("a token beyond 32 bits is an error and not another token")
  func wideTokens() throws {
    let dataset = try IndexedDataset(prefix: Fixture.path("wide_i64"))
    #expect(try dataset.document(0) == [1, .max, 7])
    #expect(message { _ = try dataset.document(1) }?.contains("is 2147483648, beyond 32 bits") == true)
  }

  @Test("16 bits serve vocabularies below 65,500")
  func tokenType() {
    #expect(TokenType(vocabularySize: 65_499) == .uint16)
    #expect(TokenType(vocabularySize: 65_500) == .int32)
  }

  @Test("a dropped writer leaves nothing, a stray token is refused")
  func dropped() throws {
    let scratch = try Scratch()
    do {
      let writer = try IndexedDatasetWriter(prefix: scratch("out"), vocabularySize: 10)
      try writer.append([1, 9])
      #expect(message { try writer.append([10]) }?.contains("holds token 10, the vocabulary has 10") == true)
      #expect(message { try writer.append([-1]) } != nil)
    }
    #expect(try scratch.names.isEmpty)
  }
}

@Suite struct DamagedDatasetTests {
  /// The golden dataset with some bytes changed, and what opening and verifying it says.
  func complaint(
    name: String = "megatron_u16", vocabularySize: Int? = nil,
    _ damage: (inout [UInt8], inout [UInt8]) -> Void
  ) throws -> String {
    let scratch = try Scratch()
    var index = try Fixture.bytes("\(name).idx")
    var data = try Fixture.bytes("\(name).bin")
    damage(&index, &data)
    try scratch.write(index, to: "d.idx")
    try scratch.write(data, to: "d.bin")
    return try #require(
      message {
        let dataset = try IndexedDataset(prefix: scratch("d"))
        try dataset.verify(vocabularySize: vocabularySize)
        for document in 0..<dataset.documentCount { _ = try dataset.document(document) }
      })
  }

  @Test("each kind of damage is named")
  func damage() throws {
    #expect(try complaint { i, _ in i[0] = 0 }.contains("d.idx: not a Megatron index"))
    #expect(try complaint { i, _ in i[9] = 2 }.contains("index version 2 is not supported, expected 1"))
    #expect(try complaint { i, _ in i[17] = 7 }.contains("token type code 7"))
    #expect(try complaint { i, _ in i.removeLast(1) }.contains("d.idx: truncated"))
    #expect(try complaint { i, _ in i.removeLast(120) }.contains("34 bytes of header, got 22"))
    #expect(try complaint { i, _ in i.append(0) }.contains("d.idx: too long"))
    #expect(try complaint { i, _ in i[25] = 0x7F }.contains("truncated: the header promises"))
    #expect(
      try complaint { _, b in b.removeLast() }.contains(
        "d.bin: truncated: its index expects 52 bytes, got 51"))
    #expect(try complaint { _, b in b.append(0) }.contains("too long: its index expects 52 bytes, got 53"))
    #expect(try complaint { _, b in b.removeAll() }.contains("expects 52 bytes, got 0"))
    #expect(try complaint(vocabularySize: 3) { _, _ in }.contains("the vocabulary has 3"))
  }

  @Test("a table entry out of the file is an error at any value")
  func tables() throws {
    // 34 bytes of header, 5 lengths of 4, 5 pointers of 8, 6 document indices of 8.
    for byte in 34..<142 {
      for value: UInt8 in [0x7F, 0x80, 0xFF] {
        _ = try complaint { index, _ in index[byte] = index[byte] == value ? 1 : value }
      }
    }
  }

  @Test("a read never leaves the file, verified or not")
  func bounds() throws {
    let scratch = try Scratch()
    try scratch.write(Fixture.bytes("megatron_u16.bin"), to: "d.bin")
    let golden = try Fixture.bytes("megatron_u16.idx")
    // The first sequence has 5 tokens, 10 bytes; the file 52.
    for (pointer, fits) in [(0, true), (42, true), (43, false), (52, false), (53, false), (-1, false)] {
      var index = golden
      index.replaceSubrange(54..<62, with: withUnsafeBytes(of: Int64(pointer).littleEndian) { Array($0) })
      try scratch.write(index, to: "d.idx")
      let dataset = try IndexedDataset(prefix: scratch("d"))
      let text = message { _ = try dataset.document(0) }
      #expect(fits ? text == nil : text?.contains("points at byte \(pointer) for 5 tokens") == true)
    }
  }

  @Test("an empty dataset and a missing file are errors")
  func missing() throws {
    let scratch = try Scratch()
    let writer = try IndexedDatasetWriter(prefix: scratch("empty"), vocabularySize: 10)
    try writer.commit()
    #expect(message { _ = try IndexedDataset(prefix: scratch("empty")) }?.contains("no documents") == true)
    #expect(message { _ = try IndexedDataset(prefix: scratch("none")) }?.contains("none.idx") == true)
  }
}
